/** The most characters of an account's id. Ids are limited because links and jobs contain them. */
export const maxAccountIdLength = 255
