import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseEnv } from 'node:util'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { loadEnvFile, parseEnvFile } from './env-file.js'

const read = (text: string) => parseEnvFile(Buffer.from(text))

describe('lines of .env', () => {
  test.each([
    ['BRAND_COLOR=#7a1fa2', 'BRAND_COLOR: line 1 of .env has a # '],
    ['BRAND_COLOR= #7a1fa2', 'BRAND_COLOR: line 1 of .env has a # '],
    ['SMTP_URL=smtp://user:zqca#nary@mail.example.com', 'SMTP_URL: line 1 of .env has a # '],
    ['DATABASE_URL=postgresql://rekey:zqcanary@db/rekey#main', 'DATABASE_URL: line 1 of .env has a # '],
    ['APP_NAME=Team #1', 'APP_NAME: line 1 of .env has a # '],
    ['SECRET_KEY="zqcanary"#more', 'SECRET_KEY: line 1 of .env has text after its closing quotation mark'],
    ['SECRET_KEY="zq\\"canary"', 'SECRET_KEY: line 1 of .env has text after its closing quotation mark'],
    ["APP_NAME='it''s'", 'APP_NAME: line 1 of .env has text after its closing quotation mark'],
    [
      '\nSECRET_KEY="zqcanary',
      'SECRET_KEY: line 2 of .env begins with a quotation mark that is never closed',
    ],
    ['PORT=3000\nzqcanary', '.env: line 2 is neither NAME=value nor a comment'],
    ['PORT: 3000', '.env: line 1 is neither NAME=value nor a comment'],
    ['APP NAME=x', '.env: line 1 is neither NAME=value nor a comment'],
    ['zqcanary=a#b', '.env: line 1 has a # '],
  ])('an ambiguous line is rejected with its number and without its value: %j [V5]', (text, sentence) => {
    const { problems } = read(text)
    expect(problems).toEqual([expect.stringContaining(sentence)])
    expect(problems[0]).not.toMatch(/zqca|nary/)
  })

  test.each([
    ['BRAND_COLOR="#7a1fa2"', { BRAND_COLOR: '#7a1fa2' }],
    ["BRAND_COLOR='#7a1fa2' # violet", { BRAND_COLOR: '#7a1fa2' }],
    ['PORT=3000 # the port', { PORT: '3000' }],
    ['PORT=3000\t## the port', { PORT: '3000' }],
    ['SUPPORT_EMAIL= # later\nPORT=1', { SUPPORT_EMAIL: '', PORT: '1' }],
    ['SUPPORT_EMAIL= \nPORT=1', { SUPPORT_EMAIL: '', PORT: '1' }],
    ['  # comment\n\nexport PORT = 1 \n', { PORT: '1' }],
    ['A=1\r\nB="two\r\nlines"\r\nC=3\r\n', { A: '1', B: 'two\nlines', C: '3' }],
    ['A=1\rB=2', { A: '1', B: '2' }],
    ['A="a\\nb"\nB=\'a\\nb\'', { A: 'a\nb', B: 'a\\nb' }],
    ['A=$HOME/${B}', { A: '$HOME/${B}' }],
  ])('a clear line is used: %j [V5]', (text, values) => {
    expect(read(text)).toEqual({ values, problems: [], notes: [] })
  })
})

describe('encodings of .env', () => {
  const text = 'SECRET_KEY=abc\r\nPORT=1\r\n'

  test('a .env with a byte order mark is read [V5]', () => {
    expect(read(`\ufeff${text}`).values).toEqual({ SECRET_KEY: 'abc', PORT: '1' })
  })

  test.each([
    ['UTF-16, low byte first', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['UTF-16, high byte first', Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
    ['UTF-16 without a mark', Buffer.from(text, 'utf16le')],
    ['Latin-1', Buffer.from('APP_NAME=Caf\u00e9', 'latin1')],
  ])('a .env in %s is rejected with advice to save it as UTF-8 [V5]', (_what, bytes) => {
    expect(parseEnvFile(bytes).problems).toEqual([expect.stringContaining('save it as UTF-8')])
  })
})

test('a setting with two different values in .env is reported with both lines [V5]', () => {
  expect(read('PORT=1\n#\nPORT=2')).toEqual({
    values: { PORT: '2' },
    problems: [],
    notes: ['PORT: .env sets it on lines 1 and 3; the last one is used.'],
  })
  expect(read('PORT=1\nPORT=1').notes).toEqual([])
})

test('accepted lines have the same values as in Node’s own parser [V5]', () => {
  const name = fc.constantFrom('PORT', 'APP_NAME', 'A1')
  const plain = fc.stringMatching(/^[!-~äß$\\"']([ -~äß]{0,12}[!-~])?$/)
  const value = fc.oneof(
    plain,
    plain.map((text) => `'${text}'`),
    plain.map((text) => `"${text}" # comment`),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 4 }), (lines) => {
      const text = lines.map(([one, of]) => `${one}=${of}\n`).join('')
      const { values, problems } = read(text)
      if (problems.length === 0) expect(values).toEqual({ ...parseEnv(text) })
    }),
    { numRuns: 1000 },
  )
})

test('.env.example is accepted, also with every setting uncommented [V5]', () => {
  const example = readFileSync('.env.example', 'utf8')
  expect(read(example)).toEqual({ values: {}, problems: [], notes: [] })
  const { problems, notes } = read(example.replaceAll(/^# ([A-Z_]+=)/gm, '$1'))
  expect([problems, notes]).toEqual([[], []])
})

describe('settings of .env beside the environment', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'rekey-env-'))
  const file = path.join(directory, '.env')
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  test('the environment overrides .env unless its value is empty, and a difference is reported by name [V5]', () => {
    writeFileSync(file, 'PORT=1\nHOST=a\nAPP_NAME=b\nLOG_LEVEL=info\nSUPPORT_EMAIL=\n')
    const env = { PORT: '2', APP_NAME: ' ', LOG_LEVEL: 'info', SUPPORT_EMAIL: 'help@example.com' }
    const report = loadEnvFile(file, env)
    expect(env).toEqual({
      ...{ PORT: '2', HOST: 'a', APP_NAME: 'b' },
      ...{ LOG_LEVEL: 'info', SUPPORT_EMAIL: 'help@example.com' },
    })
    expect(report).toEqual({
      problems: [],
      notes: ['PORT: the value of the environment is used, not the one of .env.'],
    })
  })

  test.each(['NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS', 'NODE_ENV', 'REKEY_MODE'])(
    'a variable that .env would set too late is reported: %s [V5]',
    (name) => {
      writeFileSync(file, `${name}=x\n`)
      expect(loadEnvFile(file, {}).notes).toEqual([expect.stringContaining(`${name}: `)])
    },
  )

  test('a .env with a rejected line sets nothing [V5]', () => {
    writeFileSync(file, 'PORT=1\nBRAND_COLOR=#7a1fa2\n')
    const env = {}
    expect(loadEnvFile(file, env).problems).toHaveLength(1)
    expect(env).toEqual({})
  })

  test('.env may be missing, and one that cannot be read is reported in one sentence [V5]', () => {
    expect(loadEnvFile(path.join(directory, 'none'), {})).toEqual({ problems: [], notes: [] })
    mkdirSync(path.join(directory, 'directory'))
    symlinkSync('/nowhere/.env', path.join(directory, 'broken'))
    for (const name of ['directory', 'broken'])
      expect(loadEnvFile(path.join(directory, name), {}).problems).toEqual([
        expect.stringMatching(/^\.env: cannot be read \(E[A-Z]+\); /),
      ])
  })
})
