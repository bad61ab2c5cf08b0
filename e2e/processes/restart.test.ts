import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterEach, expect, test } from 'vitest'
import { superviseProcess, type SupervisedProcessHandle } from '@/server/processes/supervise-process'

const directory = mkdtempSync(path.join(tmpdir(), 'rekey-supervised-'))
const times = { firstDelay: 40, longestDelay: 160, healthyAfter: 400, stopGrace: 2_000 }
const running: SupervisedProcessHandle[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((supervised) => supervised.stop()))
})

function supervise(script: string, options: Partial<Parameters<typeof superviseProcess>[0]> = {}) {
  const logged: Record<string, unknown>[] = []
  const name = `trial-${Math.random().toString(36).slice(2)}`
  const file = path.join(directory, `${name}.mjs`)
  const record = path.join(directory, `${name}.starts`)
  writeFileSync(record, '')
  writeFileSync(
    file,
    `import { appendFileSync } from 'node:fs'
     appendFileSync(${JSON.stringify(record)}, process.pid + ' ' + Date.now() + '\\n')
     setInterval(() => {}, 1000)
     ${script}`,
  )
  const supervised = superviseProcess({
    name,
    start: () => fork(file, { execArgv: [] }),
    log: pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
    mustStart: false,
    times,
    ...options,
  })
  running.push(supervised)
  const starts = () =>
    readFileSync(record, 'utf8')
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' ').map(Number) as [pid: number, at: number])
  return { supervised, logged, starts }
}

const ready = 'process.send({ ready: true, port: 4310 })'

test('a process is up when it reports so, and its report is passed on [F15]', async () => {
  const { supervised } = supervise(ready)
  expect(await supervised.up).toEqual({ port: 4310 })
})

test('a start that fails for lack of memory is tried again [F15]', async () => {
  const file = path.join(directory, 'late.mjs')
  writeFileSync(file, `${ready}; setInterval(() => {}, 1000)`)
  let tries = 0
  const { supervised, logged } = supervise('', {
    start() {
      tries += 1
      if (tries < 3) throw Object.assign(new Error('spawn'), { code: 'ENOMEM' })
      return fork(file, { execArgv: [] })
    },
  })
  expect(await supervised.up).toEqual({ port: 4310 })
  expect(logged.filter(({ event }) => event === 'sys_process_error')).toHaveLength(2)
})

test('a killed process is started again, and the log says so [F15]', async () => {
  const { supervised, starts, logged } = supervise(ready)
  await supervised.up
  process.kill(starts()[0]![0], 'SIGKILL')
  await expect.poll(() => starts().length).toBe(2)
  expect(starts()[1]![0]).not.toBe(starts()[0]![0])
  await expect.poll(() => logged.map((line) => line.event)).toEqual(['sys_crash', 'sys_restart'])
  expect(logged[0]).toMatchObject({ signal: 'SIGKILL' })
})

test('a process that ends at once is started again with a growing delay, up to the longest delay [F15]', async () => {
  // No process counts as healthy, because on a busy machine even a start that fails takes long.
  const { logged } = supervise('process.exit(3)', { times: { ...times, healthyAfter: 60_000 } })
  await expect.poll(() => logged.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(5)
  expect(logged.slice(0, 5).map((line) => line.restartInMs)).toEqual([40, 80, 160, 160, 160])
  expect(logged[0]).toMatchObject({ code: 3 })
})

test('the log has the reason why a process could not start, and only in the line about that start [F15]', async () => {
  const { logged } = supervise(
    `import { readFileSync } from 'node:fs'
     if (readFileSync(process.argv[1].replace('.mjs', '.starts'), 'utf8').trim().split('\\n').length > 1) process.exit(2)
     process.send({ cannotStart: 'Port 1 is taken.' }, () => process.exit(1))`,
  )
  await expect.poll(() => logged.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(2)
  expect(logged[0]).toMatchObject({ event: 'sys_crash', code: 1, reason: 'Port 1 is taken.' })
  expect(logged[1]).toMatchObject({ event: 'sys_crash', code: 2 })
  expect(logged[1]).not.toHaveProperty('reason')
})

test('after a process has run for some time, the delay of restarts starts again from the shortest [F15]', async () => {
  const { starts, logged } = supervise(
    `${ready}; setTimeout(() => process.exit(1), ${times.healthyAfter + 100})`,
  )
  await expect.poll(() => starts().length, { timeout: 5_000 }).toBe(3)
  expect(logged.filter((line) => line.event === 'sys_crash').map((line) => line.restartInMs)).toEqual([
    40, 40,
  ])
})

test('a required process that cannot start is not started again, and the error has its own reason [K1]', async () => {
  for (let n = 0; n < 5; n += 1) {
    const { supervised, starts } = supervise(
      `process.send({ cannotStart: 'Port 1 is taken.' }, () => process.exit(1))`,
      { mustStart: true },
    )
    await expect(supervised.up).rejects.toThrow('Port 1 is taken.')
    expect(starts()).toHaveLength(1)
  }
})

test('a required process that ends without a reason before it is ready causes an error in one sentence [K1]', async () => {
  const { supervised } = supervise('process.exit(1)', { mustStart: true, name: 'worker' })
  await expect(supervised.up).rejects.toThrow('The worker process ended before it was ready.')
})

test('a required process that was up is started again like any other', async () => {
  const { supervised, starts } = supervise(ready, { mustStart: true })
  await supervised.up
  process.kill(starts()[0]![0], 'SIGKILL')
  await expect.poll(() => starts().length).toBe(2)
})

test('stopping sends SIGTERM, waits for the end of the process and does not start it again [F9]', async () => {
  const { supervised, starts, logged } = supervise(
    `process.on('SIGTERM', () => setTimeout(() => process.exit(0), 150)); ${ready}`,
  )
  await supervised.up
  const began = performance.now()
  await supervised.stop()
  expect(performance.now() - began).toBeGreaterThan(140)
  expect(() => process.kill(starts()[0]![0], 0)).toThrow('ESRCH')
  expect([starts().length, logged]).toEqual([1, []])
})

test('a process that ignores SIGTERM is killed after the grace time [F9]', async () => {
  const { supervised, starts, logged } = supervise(`process.on('SIGTERM', () => {}); ${ready}`, {
    times: { ...times, stopGrace: 200 },
  })
  await supervised.up
  await supervised.stop()
  expect(() => process.kill(starts()[0]![0], 0)).toThrow('ESRCH')
  expect(logged.map((line) => line.event)).toEqual(['sys_killed'])
})

test('stopping between two starts prevents the second [F9]', async () => {
  const { supervised, starts, logged } = supervise(`${ready}; process.exit(1)`, {
    times: { ...times, firstDelay: 300 },
  })
  await expect.poll(() => logged.length).toBe(1)
  await supervised.stop()
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(starts()).toHaveLength(1)
})
