const keys = {
  username: { rule: 'rule-similar', advice: 'too-similar' },
  'no-username': { rule: 'rule-similar-no-username', advice: 'too-similar-no-username' },
} as const

/** The keys of the messages that name what a password must not resemble. A table without usernames has no username to name. */
export function similarityMessages(users: { username?: string }) {
  return keys[users.username === undefined ? 'no-username' : 'username']
}
