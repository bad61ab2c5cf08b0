import { afterAll, beforeAll, expect, test } from 'vitest'
import { postJson } from '@/e2e/support/exchange'
import { printFaultRow } from '@/e2e/support/fault-table'
import { startKillable, type KillableProcess } from '@/e2e/support/killable-processes'
import {
  appSettings,
  freePort,
  newPassword,
  readLink,
  startApp,
  type LinkParameters,
  type RunningApp,
} from '@/e2e/support/running-app'
import { signedLinks } from '@/e2e/support/signed-links'

const skews = { behind: -600_000, ahead: 600_000 }

/** Requests for one login in five minutes, a window that is over on one clock while it lasts on the other. */
const limit = 6

/** The Node option that shifts the clock of a process before Rekey's code runs. */
const shift = (ms: number) => {
  const program = `
    const now = ((system) => () => system() + ${ms})(Date.now)
    globalThis.Date = new Proxy(Date, {
      construct: (Original, parts) => new Original(...(parts.length === 0 ? [now()] : parts)),
      apply: (Original) => new Original(now()).toString(),
      get: (Original, name) => (name === 'now' ? now : Original[name]),
    })`
  return `--import=data:text/javascript,${encodeURIComponent(program)}`
}

let stable: RunningApp
const webs: KillableProcess[] = []
const workers: KillableProcess[] = []
beforeAll(async () => {
  stable = await startApp({ env: { WORKER: 'off' } })
  for (const ms of Object.values(skews)) {
    const settings = {
      ...appSettings({ ...stable, port: await freePort() }),
      NODE_OPTIONS: shift(ms),
      LIMIT_REQUESTS_PER_LOGIN: `${limit}/5m`,
    }
    webs.push(await startKillable('web', settings))
    workers.push(await startKillable('worker', settings))
  }
})
afterAll(async () => {
  await Promise.all([...webs, ...workers].map((process) => process.kill()))
  await stable?.stop()
})

const post = ({ port }: KillableProcess, endpoint: string, body: object) => postJson(port, endpoint, body)

test('the clocks of the processes of this file differ as intended', () => {
  for (const [nth, ms] of Object.values(skews).entries()) {
    const [, time] = /"time":"([^"]+)"/.exec(workers[nth]!.output())!
    expect(Math.abs(Date.parse(time!) - Date.now() - ms)).toBeLessThan(60_000)
  }
})

test('links have the database’s time and work at once between processes with different clocks [F11]', async () => {
  const row = { caused: 0, accepted: 0, delivered: 0, duplicates: 0, lost: 0 }
  for (let turn = 0; turn < 8; turn += 1) {
    const person = await stable.addPerson()
    const requested = await post(webs[turn % 2]!, 'send-reset-password-link', { login: person.username })
    expect(requested.status).toBe(200)
    row.caused += 1
    row.accepted += 1
    const email = await stable.sink.next(person.email, 40_000)
    row.delivered += 1
    const link = readLink(email.link)
    expect(Math.abs(Number(link.timestamp) * 1000 - Date.now())).toBeLessThan(60_000)
    const password = newPassword()
    const answer = await post(webs[Math.floor(turn / 2) % 2]!, 'reset-password', { ...link, password })
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)])
    expect(await stable.passwordIs(person, password)).toBe(true)
  }
  printFaultRow({ fault: 'clocks ten minutes behind and ahead', ...row })
})

test('a link expires at the same time in processes with different clocks [F11]', async () => {
  const person = await stable.addPerson()
  const links = signedLinks(stable)
  for (const [age, code] of [
    [3_500, undefined],
    [3_700, 'signature-expired'],
    [-300, 'signature-invalid'],
  ] as const) {
    const { user_id, timestamp, signature } = await links.linkOf(person, { age })
    const link: LinkParameters = { user_id, timestamp: String(timestamp), signature }
    for (const web of webs) {
      const answer = await post(web, 'reset-password', { ...link, password: 'short' })
      expect([age, answer.status, (answer.json as { code?: string }).code]).toEqual([age, 400, code])
    }
  }
})

test('a rate limit counts exactly over two instances with different clocks [F11, F10, R1]', async () => {
  const request = (login: string, nth: number) => post(webs[nth % 2]!, 'send-reset-password-link', { login })
  const inTurn = []
  for (let nth = 0; nth < limit + 4; nth += 1) inTurn.push(await request('in-turn', nth))
  expect(inTurn.map(({ status }) => status)).toEqual([...Array(limit).fill(200), ...Array(4).fill(429)])
  for (const { headers } of inTurn.slice(limit)) {
    const seconds = Number(headers['retry-after'])
    expect([seconds > 240, seconds <= 300]).toEqual([true, true])
  }
  const together = await Promise.all(Array.from({ length: 4 * limit }, (_, nth) => request('together', nth)))
  expect(together.filter(({ status }) => status === 200)).toHaveLength(limit)
  expect(together.filter(({ status }) => status === 429)).toHaveLength(3 * limit)
})
