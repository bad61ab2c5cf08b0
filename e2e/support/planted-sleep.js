// Loaded into the app's processes before all else (`node --import`), to prove that the parity test would see a leak:
// the handler sleeps 3 ms while it reads a request that names one of PLANTED_SLEEP_FOR, comma-separated. With
// PLANTED_SLEEP_LATE it is the request after that one which waits, as it would behind an email that is being rendered.
const named = new Set((process.env.PLANTED_SLEEP_FOR ?? '').split(','))
const late = process.env.PLANTED_SLEEP_LATE !== undefined
const clock = new Int32Array(new SharedArrayBuffer(4))
const sleep = () => Atomics.wait(clock, 0, 0, 3)

const parse = JSON.parse
let owed = false
/** @param {Parameters<typeof parse>} given */
JSON.parse = (...given) => {
  const value = parse(...given)
  const name = value?.login ?? value?.user_id
  if (typeof name !== 'string') return value
  if (owed) {
    owed = false
    sleep()
  }
  if (!named.has(name)) return value
  if (late) owed = true
  else sleep()
  return value
}
