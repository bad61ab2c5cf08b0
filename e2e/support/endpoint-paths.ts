/** The paths of the endpoints, written out here and not taken from the product. */
export const requestLinkPath = '/api/v1/accounts/send-reset-password-link/'
export const resetPath = '/api/v1/accounts/reset-password/'
export const cancelPath = '/api/v1/accounts/cancel-reset-password/'
