/** In characters. Account ids are limited because links and jobs contain them. */
export const maxAccountIdLength = 255
