/** The most characters of an account's id, which links and jobs carry. */
export const longestId = 255
