// What a start is refused for.

const file = 'lib/settings'
const test = 'lib/settings.test.ts'

/** @type {[guard: string, cites: string, find: string, replace: string][]} */
const refusals = [
  ['a short secret', 'K1', '.min(32, ', '.min(0, '],
  ['a secret that is too regular', 'K1', '(key) => new Set(key).size >= 12', '() => true'],
  ['a sample for a secret', 'K1', '(key) => !sample.test(key)', '() => true'],
  [
    'a secret that commas would part',
    'K1, K2',
    "(key) => !key.includes(',') && key === key.trim()",
    '() => true',
  ],
  [
    'the current secret among the older ones',
    'K1, K2',
    'given.SECRET_KEY !== undefined && fallbacks.includes(given.SECRET_KEY)',
    'fallbacks.length < 0',
  ],
  ['a weak older secret', 'K1', 'list.pipe(z.array(secretKey))', 'list.pipe(z.array(z.string()))'],
  [
    'http outside this machine',
    'H11',
    "protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))",
    "protocol === 'https:' || protocol === 'http:'",
  ],
  [
    'a host that only looks like this machine',
    'H11',
    '/^127(\\.\\d+){3}$/.test(hostname)',
    "hostname.startsWith('127.')",
  ],
  [
    'a script for an address',
    'H11',
    "const safe = protocol === 'https:' ||",
    "const safe = protocol === 'javascript:' || protocol === 'https:' ||",
  ],
  ['a user name in an address', 'C8', " && username === '' && password === ''", ''],
  ['a path in an origin', 'H9', "return pathname === '/' && search === ''", 'return true'],
  ['a link that lives longer than a day', 'T3', '(s) => s <= 86_400', '() => true'],
  [
    'letters of an account that are counted for longer than a link lives',
    'R3',
    '(values.LIMIT_LETTERS_PER_ACCOUNT?.seconds ?? 0) > period',
    'period < 0',
  ],
  [
    'a cool-down that is as long as a link lives',
    'R3',
    'if (values.LETTER_COOLDOWN >= period)',
    'if (values.LETTER_COOLDOWN > 86_400)',
  ],
  ['a least length below eight', 'P1', 'whole(8, 64)', 'whole(1, 64)'],
  [
    'no mail server in production',
    'K1',
    "if (mode === 'production' && given.SMTP_URL === undefined)",
    'if (false)',
  ],
  ['a password of the database that everybody tries', 'K1', 'return tried.test(password) ||', 'return'],
  [
    'a password of the database that is its user',
    'K1',
    '|| password.toLowerCase() === user.toLowerCase()',
    '',
  ],
  ['a mail URL that switches other things', 'M8', "name === 'ignoreTLS' && value === 'true'", "name !== ''"],
  ['two senders, or one with a header of its own', 'C7', '&& readMailbox(text) !== null', "|| text !== ''"],
  ['two lines where one is meant', 'C7', '/^[^\\p{Cc}\\u2028\\u2029]+$/u', '/^[^]+$/u'],
  ['an audit log that is kept for less than a week', 'L6', '(s) => s >= 7 * 86_400', '() => true'],
  ['a colour that is more than one', 'C7', '/^#[0-9a-f]{6}$/i', '/[0-9a-z]/i'],
  ["a picture of somebody else's", 'H4', '/^\\/(?!\\/)[', '/^\\/['],
]

/** @type {import('./guards.js').Guard[]} */
export const settings = [
  ...refusals.map(([what, cites, find, replace]) => ({
    guard: `a start is refused for ${what}`,
    cites,
    file,
    find,
    replace,
    test,
  })),
  {
    guard: 'the letters of an account are counted no longer than a link lives',
    cites: 'R3',
    file,
    find: 'Math.min(3600, values.RESET_PASSWORD_VERIFICATION_PERIOD)',
    replace: '3600',
    test,
  },
  {
    guard: 'no message repeats a secret',
    cites: 'K3, L3',
    file,
    find: ': `${name}: ${issue.message}`',
    replace: ': `${name}: ${issue.message} (${given[name]})`',
    test,
  },
  {
    guard: 'demo and dev are reached from this machine only',
    cites: 'K1',
    file,
    find: "given.HOST ??= '127.0.0.1'",
    replace: "given.HOST ??= '0.0.0.0'",
    test,
  },
]
