/** The most characters of an account's id. Links and jobs contain the id. */
export const maxAccountIdLength = 255
