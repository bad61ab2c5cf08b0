let tags = 0
/** A word that is part of no other name. */
export function newTag(): string {
  tags += 1
  return `${tags}${process.pid.toString(36)}${Date.now().toString(36)}`
}
