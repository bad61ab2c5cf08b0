const keys = {
  username: { rule: 'rule-similar', advice: 'too-similar' },
  'no-username': { rule: 'rule-similar-no-username', advice: 'too-similar-no-username' },
} as const

/** The messages mention the username only if the users table has one. */
export function similarityMessageKeysFor(users: { username?: string }) {
  return keys[users.username === undefined ? 'no-username' : 'username']
}
