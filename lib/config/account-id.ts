/** The most characters of an account's id. It is limited because links and jobs contain it. */
export const maxAccountIdLength = 255
