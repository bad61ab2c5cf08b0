let tags = 0
export function newTag(): string {
  tags += 1
  return `${tags}${process.pid.toString(36)}${Date.now().toString(36)}`
}
