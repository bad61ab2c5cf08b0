// Loaded into the app's processes first (`node --import`), to prove that the parity test detects a leak: the handler sleeps
// for 3 ms while it parses a request with a login or user id of PLANTED_SLEEP_FOR, a list with commas. With
// PLANTED_SLEEP_LATE, the request after that one sleeps, as it would wait while an email is rendered.
const named = new Set((process.env.PLANTED_SLEEP_FOR ?? '').split(','))
const late = process.env.PLANTED_SLEEP_LATE !== undefined
const clock = new Int32Array(new SharedArrayBuffer(4))
const sleep = () => Atomics.wait(clock, 0, 0, 3)

const parse = JSON.parse
let isDue = false
/** @param {Parameters<typeof parse>} given */
JSON.parse = (...given) => {
  const value = parse(...given)
  const name = value?.login ?? value?.user_id
  if (typeof name !== 'string') return value
  if (isDue) {
    isDue = false
    sleep()
  }
  if (!named.has(name)) return value
  if (late) isDue = true
  else sleep()
  return value
}
