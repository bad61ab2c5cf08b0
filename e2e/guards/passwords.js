// The password policy, the breach check and the hash.

const policy = { file: 'lib/password-policy/policy.ts', test: 'lib/password-policy/policy.test.ts' }
const rules = { file: 'lib/password-policy/rules.ts', test: 'lib/password-policy/rules.test.ts' }
const breach = { file: 'lib/breach-check.ts', test: 'lib/breach-check.test.ts' }
const hash = { file: 'lib/password-hash.ts', test: 'lib/password-hash.test.ts' }

/** @type {import('./guards.js').Guard[]} */
export const passwords = [
  {
    ...rules,
    guard: 'a password has a least length',
    cites: 'P1',
    find: 'breaks: (password) => lengthOf(password) < minLength',
    replace: 'breaks: (password) => lengthOf(password) < minLength - 1',
  },
  {
    ...rules,
    guard: 'a password has a greatest length',
    cites: 'P2',
    find: 'breaks: (password) => lengthOf(password) > maxLength',
    replace: 'breaks: () => false',
  },
  {
    ...rules,
    guard: 'length is counted in code points',
    cites: 'P3',
    find: 'return Array.from(password).length',
    replace: 'return password.length',
  },
  {
    ...rules,
    guard: 'a password is not entirely numeric',
    cites: 'P7',
    find: 'return digits.test(password)',
    replace: 'return false',
  },
  {
    ...rules,
    guard: 'outer spaces are refused where the sign-in trims',
    cites: 'P4',
    find: "if (outerSpaces === 'refuse') rules.push(",
    replace: "if (outerSpaces === 'refuse' && false) rules.push(",
  },
  {
    ...policy,
    guard: 'a listed password is refused',
    cites: 'P7',
    find: 'listed().has(folded) || ',
    replace: '',
  },
  {
    ...policy,
    guard: "the service's own name is refused",
    cites: 'P7',
    find: ' || ownWords.has(folded)',
    replace: '',
  },
  {
    ...policy,
    guard: 'capitals do not hide a listed password',
    cites: 'P7',
    find: 'return strip(password.toLowerCase())',
    replace: 'return strip(password)',
  },
  {
    ...policy,
    guard: 'a password like a fact about its owner is refused',
    cites: 'P7',
    find: '...(similar ? [similar] : []),',
    replace: '',
  },
  {
    ...breach,
    guard: 'five hex digits of the digest leave the house, no more',
    cites: 'P8',
    find: 'new URL(digest.slice(0, 5), base)',
    replace: 'new URL(digest, base)',
  },
  {
    ...breach,
    guard: 'the answer of the range service is padded',
    cites: 'P8',
    find: "'Add-Padding': 'true', ",
    replace: '',
  },
  {
    ...breach,
    guard: 'padding is no finding',
    cites: 'P8',
    find: ' && Number(count) > 0',
    replace: '',
  },
  {
    ...breach,
    guard: 'a range service that is silent is not waited for',
    cites: 'P8',
    find: '    signal: AbortSignal.timeout(deadline),\n',
    replace: '',
    named: 'never answers',
  },
  {
    ...hash,
    guard: 'hashing is costly enough',
    cites: 'P9',
    find: 'memoryCost: 19_456',
    replace: 'memoryCost: 1_024',
    named: 'P9',
  },
  {
    ...hash,
    guard: 'only so many passwords wait to be hashed',
    cites: 'F14',
    find: 'else if (waiting.length < maxWaiting) await',
    replace: 'else await',
    also: [{ find: '    else throw new Busy()\n', replace: '' }],
    named: 'F14: load',
  },
  {
    ...hash,
    guard: 'only so many passwords are hashed at a time',
    cites: 'F14',
    find: 'if (running < maxParallel) running += 1',
    replace: 'if (running < Infinity) running += 1',
    named: 'F14: load',
  },
  {
    guard: "a team's function sees no password",
    cites: 'P11',
    file: 'app/api/v1/accounts/reset-password/route.ts',
    find: "!name.startsWith('password')",
    replace: 'name',
    test: 'app/api/v1/accounts/reset-password/configuration.test.ts',
    named: 'P11',
  },
]
