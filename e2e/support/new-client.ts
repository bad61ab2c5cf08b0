let count = 0

/** A client address that the test file did not use before. */
export function newClient(): string {
  count += 1
  return `198.51.${count >> 8}.${count & 255}`
}
