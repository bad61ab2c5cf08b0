import { expect, test } from 'vitest'
import { createKeyedMutex } from './keyed-mutex'

function createWork(log: string[], name: string) {
  let end: (error?: Error) => void
  const ended = new Promise<void>((resolve, reject) => {
    end = (error) => (error ? reject(error) : resolve())
  })
  const run = async (waited: boolean) => {
    log.push(`${name} ${waited ? 'waited' : 'at once'}`)
    await ended
    return name
  }
  return { run, end: end! }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

test('work with one key runs one after the other, and work with another key does not wait', async () => {
  const oneByOne = createKeyedMutex()
  const log: string[] = []
  const works = ['a', 'b', 'c', 'other'].map((name) => createWork(log, name))
  const [a, b, c, other] = works.map(({ run }, index) => oneByOne(index === 3 ? 'y' : 'x', run))
  await settle()
  expect(log).toEqual(['a at once', 'other at once'])
  works[3]!.end()
  expect(await other).toBe('other')
  works[0]!.end()
  expect(await a).toBe('a')
  await settle()
  expect(log.slice(2)).toEqual(['b waited'])
  works[1]!.end(new Error('failed'))
  await expect(b).rejects.toThrow('failed')
  await settle()
  expect(log.slice(3)).toEqual(['c waited'])
  works[2]!.end()
  expect(await c).toBe('c')
})

test('work does not wait for work that has ended or failed', async () => {
  const oneByOne = createKeyedMutex()
  for (let round = 0; round < 2; round += 1) expect(await oneByOne('x', async (waited) => waited)).toBe(false)
  await oneByOne('x', () => Promise.reject(new Error('failed'))).catch(() => undefined)
  expect(await oneByOne('x', async (waited) => waited)).toBe(false)
})
