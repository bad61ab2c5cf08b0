import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterEach, expect, test } from 'vitest'
import { superviseProcess, type SupervisedProcessHandle } from '@/server/processes/supervise-process'

const directory = mkdtempSync(path.join(tmpdir(), 'rekey-kept-'))
const times = { firstDelay: 40, longestDelay: 160, healthyAfter: 400, silentStart: 200, stopGrace: 2_000 }
const running: SupervisedProcessHandle[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((kept) => kept.stop()))
})

/** Keeps a process that runs the script given as text; each of its starts leaves a line in `starts`. */
function keep(script: string, options: Partial<Parameters<typeof superviseProcess>[0]> = {}) {
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
  const kept = superviseProcess({
    name,
    start: () => fork(file, { execArgv: [] }),
    log: pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
    reports: true,
    mustStart: false,
    times,
    ...options,
  })
  running.push(kept)
  const starts = () =>
    readFileSync(record, 'utf8')
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' ').map(Number) as [pid: number, at: number])
  return { kept, logged, starts }
}

const ready = 'process.send({ ready: true, port: 4310 })'

test('a process is up when it says so, and what it says comes along [F15]', async () => {
  const { kept } = keep(ready)
  expect(await kept.up).toEqual({ port: 4310 })
})

test('where there is no room for another process, it is tried again [F15]', async () => {
  const file = path.join(directory, 'late.mjs')
  writeFileSync(file, `${ready}; setInterval(() => {}, 1000)`)
  let tries = 0
  const { kept, logged } = keep('', {
    start() {
      tries += 1
      if (tries < 3) throw Object.assign(new Error('spawn'), { code: 'ENOMEM' })
      return fork(file, { execArgv: [] })
    },
  })
  expect(await kept.up).toEqual({ port: 4310 })
  expect(logged.filter(({ event }) => event === 'sys_process_error')).toHaveLength(2)
})

test('a process that says nothing is up when it has lived for a while', async () => {
  const { kept } = keep('', { reports: false, mustStart: true })
  expect(await kept.up).toEqual({})
})

test('a process that is killed is started again, and the log says so [F15]', async () => {
  const { kept, starts, logged } = keep(ready)
  await kept.up
  process.kill(starts()[0]![0], 'SIGKILL')
  await expect.poll(() => starts().length).toBe(2)
  expect(starts()[1]![0]).not.toBe(starts()[0]![0])
  await expect.poll(() => logged.map((line) => line.event)).toEqual(['sys_crash', 'sys_restart'])
  expect(logged[0]).toMatchObject({ signal: 'SIGKILL' })
})

test('one that dies at once is started again ever more slowly, but not slower than the longest delay [F15]', async () => {
  const { logged } = keep('process.exit(3)')
  await expect.poll(() => logged.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(5)
  expect(logged.slice(0, 5).map((line) => line.restartInMs)).toEqual([40, 80, 160, 160, 160])
  expect(logged[0]).toMatchObject({ code: 3 })
})

test('the reason why one could not start again is in the log, and in the line of that end only [F15]', async () => {
  const { logged } = keep(
    `import { readFileSync } from 'node:fs'
     if (readFileSync(process.argv[1].replace('.mjs', '.starts'), 'utf8').trim().split('\\n').length > 1) process.exit(2)
     process.send({ cannotStart: 'Port 1 is taken.' }, () => process.exit(1))`,
  )
  await expect.poll(() => logged.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(2)
  expect(logged[0]).toMatchObject({ event: 'sys_crash', code: 1, reason: 'Port 1 is taken.' })
  expect(logged[1]).toMatchObject({ event: 'sys_crash', code: 2 })
  expect(logged[1]).not.toHaveProperty('reason')
})

test('after a healthy time the delay starts over [F15]', async () => {
  const { starts, logged } = keep(`${ready}; setTimeout(() => process.exit(1), ${times.healthyAfter + 100})`)
  await expect.poll(() => starts().length, { timeout: 5_000 }).toBe(3)
  expect(logged.filter((line) => line.event === 'sys_crash').map((line) => line.restartInMs)).toEqual([
    40, 40,
  ])
})

test('one that must start and does not is not tried again; its own reason is told [K1]', async () => {
  for (let n = 0; n < 5; n += 1) {
    const { kept, starts } = keep(
      `process.send({ cannotStart: 'Port 1 is taken.' }, () => process.exit(1))`,
      { mustStart: true },
    )
    await expect(kept.up).rejects.toThrow('Port 1 is taken.')
    expect(starts()).toHaveLength(1)
  }
})

test('without a reason of its own, there is a sentence all the same [K1]', async () => {
  const { kept } = keep('process.exit(1)', { mustStart: true, name: 'worker' })
  await expect(kept.up).rejects.toThrow('The worker process ended before it was ready.')
})

test('once it was up, one that must start is started again like any other', async () => {
  const { kept, starts } = keep(ready, { mustStart: true })
  await kept.up
  process.kill(starts()[0]![0], 'SIGKILL')
  await expect.poll(() => starts().length).toBe(2)
})

test('stopping asks with SIGTERM and waits for the end; nothing starts again [F9]', async () => {
  const { kept, starts, logged } = keep(
    `process.on('SIGTERM', () => setTimeout(() => process.exit(0), 150)); ${ready}`,
  )
  await kept.up
  const began = performance.now()
  await kept.stop()
  expect(performance.now() - began).toBeGreaterThan(140)
  expect(() => process.kill(starts()[0]![0], 0)).toThrow('ESRCH')
  expect([starts().length, logged]).toEqual([1, []])
})

test('one that does not listen to SIGTERM is killed when the grace is over [F9]', async () => {
  const { kept, starts, logged } = keep(`process.on('SIGTERM', () => {}); ${ready}`, {
    times: { ...times, stopGrace: 200 },
  })
  await kept.up
  await kept.stop()
  expect(() => process.kill(starts()[0]![0], 0)).toThrow('ESRCH')
  expect(logged.map((line) => line.event)).toEqual(['sys_killed'])
})

test('stopping between two starts is enough to end them [F9]', async () => {
  const { kept, starts, logged } = keep(`${ready}; process.exit(1)`, { times: { ...times, firstDelay: 300 } })
  await expect.poll(() => logged.length).toBe(1)
  await kept.stop()
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(starts()).toHaveLength(1)
})
