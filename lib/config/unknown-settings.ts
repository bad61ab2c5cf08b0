import type { Environment } from './validate-settings'
import { settingsSchema } from './schema'

const known = Object.keys(settingsSchema.shape)

/** Settings of Django REST Registration (DRR), each with the extension point of `rekey.config.ts` that replaces it. */
const inConfiguration: Record<string, string> = {
  RESET_PASSWORD_VERIFICATION_EMAIL_TEMPLATES: 'emails',
  RESET_PASSWORD_VERIFICATION_EMAIL_SENDER: 'sendEmail',
  SEND_RESET_PASSWORD_LINK_SERIALIZER_CLASS: 'transformLinkRequest',
  SEND_RESET_PASSWORD_LINK_USER_FINDER: 'findResettableAccounts',
  SUCCESS_RESPONSE_BUILDER: 'buildSuccessResponse',
  VERIFICATION_URL_BUILDER: 'buildVerificationUrl',
}

/** Settings of Django REST Registration for features that Rekey does not have. */
const unsupported = /^(?:CHANGE_PASSWORD|LOGIN_SERIALIZER|PROFILE_SERIALIZER|REGISTER)_/

/** First words of settings that are common in variables of other programs, and so are no sign of a misspelt setting. */
const common =
  /^(?:APP|DATA|DATABASE|DEFAULT|HOST|LOG|PORT|PUBLIC|SECRET|SECURITY|SEND|SIGN|USER|WEB|WORKER)$/

/** Matches variables of other programs that resemble settings: of the password manager `pass`, and Kubernetes' service links. */
const foreign = /^PASSWORD_STORE_|_SERVICE_(?:HOST|PORT(?:_\w+)?)$|_PORT_\d+_(?:TCP|UDP)/

const internal = ['REKEY_DEMO_USERS', 'REKEY_MODE', 'REKEY_SHARED_SESSION']

/** Returns a sentence for each variable that looks like a misspelt setting or like a setting of DRR. */
export function unknownSettingWarnings(given: Environment): string[] {
  return Object.entries(given).flatMap(([name, value]) => {
    if (known.includes(name) || internal.includes(name)) return []
    if (foreign.test(name) || /^(?:tcp|udp):\/\//.test(value ?? '')) return []
    const sentence = explain(name)
    return sentence === undefined ? [] : [`${name} ${sentence}`]
  })
}

function explain(name: string): string | undefined {
  if (Object.hasOwn(inConfiguration, name)) {
    return `is not used: write the function or object ${inConfiguration[name]} into rekey.config.ts instead.`
  }
  if (unsupported.test(name)) return 'is not used: Rekey resets passwords and does nothing else of that API.'
  const upper = name.toUpperCase().replaceAll('-', '_')
  const near = known.find((setting) => isNear(upper, setting))
  if (near !== undefined) return `is not used: did you mean ${near}?`
  if (!name.includes('_') || !looksLikeOurs(name)) return undefined
  return `is not used: it is no setting; the nearest one is ${nearest(name)}.`
}

function looksLikeOurs(name: string): boolean {
  if (/^(?:REKEY|SECRET_KEY|SEND_RESET|SIGN_IN|USER_LOGIN)_/.test(name)) return true
  const first = firstWord(name)
  return !common.test(first) && known.some((setting) => firstWord(setting) === first)
}

/** Whether an upper-case name differs from a setting by at most two letters, or lacks some of its later words. */
function isNear(name: string, setting: string): boolean {
  const longest = Math.max(name.length, setting.length)
  const [from, to, most] = [bare(name), bare(setting), Math.min(2, Math.floor(longest / 5))]
  // Compares the lengths first, because the distance takes much longer to compute.
  if (longest >= 7 && Math.abs(from.length - to.length) <= most && distance(from, to) <= most) return true
  const words = name.split('_')
  const inOrder = setting.split('_').filter((word) => words.includes(word))
  return words.length > 1 && firstWord(name) === firstWord(setting) && inOrder.join('_') === name
}

function nearest(name: string): string {
  const alike = known.filter((setting) => firstWord(setting) === firstWord(name))
  const from = alike.length > 0 ? alike : known
  return from.reduce((best, setting) => (distance(name, setting) < distance(name, best) ? setting : best))
}

function firstWord(name: string): string {
  return name.split('_', 1)[0] ?? ''
}

function bare(name: string): string {
  return name.replaceAll('_', '')
}

/** Returns the Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same))
    }
    row = next
  }
  return row[b.length]!
}
