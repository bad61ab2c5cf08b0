import type { z } from 'zod'
import { postgres } from './settings/checks'
import { hasStockPassword, linklessTimes } from './settings/contradictions'
import { shape, whyNeeded } from './settings/schema'

/**
 * The one place that reads the environment. Every setting has a default or a reason it has none; what is wrong
 * is collected and told in one message.
 *
 * `REKEY_MODE` is not a setting but the command that was typed: `npm start` means production, `npm run demo`
 * and `npm run dev` relax what a first look does not need (secret, mail server, public address).
 */
export type Mode = 'production' | 'demo' | 'dev'

export type Settings = ReturnType<typeof readSettings>

/** All that is wrong with the settings; the message has a line for each. */
export class SettingsError extends Error {
  readonly problems: string[]
  constructor(problems: string[]) {
    super(['Rekey cannot start: its settings need attention.', ...problems.map((p) => `  - ${p}`)].join('\n'))
    this.name = 'SettingsError'
    this.problems = problems
  }
}

/**
 * Reads and checks all settings.
 *
 * @param env the environment; an empty value counts as absent
 * @throws SettingsError naming every setting that is missing, malformed or in contradiction with another
 */
export function readSettings(env: Record<string, string | undefined>) {
  const mode: Mode = env.REKEY_MODE === 'demo' || env.REKEY_MODE === 'dev' ? env.REKEY_MODE : 'production'
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  if (mode !== 'production') {
    given.PUBLIC_URL ??= `http://localhost:${given.PORT ?? '3000'}`
    given.HOST ??= '127.0.0.1'
  }

  const parsed = shape.safeParse(given)
  const problems = parsed.success
    ? []
    : firstOfEach(parsed.error.issues).map((issue) => describe(issue, given))
  if (mode === 'production' && given.SMTP_URL === undefined) problems.push(missing('SMTP_URL'))
  if (
    (mode === 'production' || given.SMTP_URL !== undefined) &&
    given.VERIFICATION_FROM_EMAIL === undefined
  ) {
    problems.push(missing('VERIFICATION_FROM_EMAIL'))
  }
  const fallbacks = (given.SECRET_KEY_FALLBACKS ?? '').split(',').map((key) => key.trim())
  if (given.SECRET_KEY !== undefined && fallbacks.includes(given.SECRET_KEY)) {
    problems.push('SECRET_KEY_FALLBACKS: holds the current SECRET_KEY too; keep only the others there')
  }
  for (const name of ['DATABASE_URL', 'MIGRATION_DATABASE_URL'])
    if (mode === 'production' && hasStockPassword(given[name]))
      problems.push(`${name}: its password is one that everybody tries first; give the database role its own`)
  problems.push(...linklessTimes(given))
  if (!parsed.success || problems.length > 0) throw new SettingsError(problems)

  const values = parsed.data
  return {
    mode,
    secrets: [values.SECRET_KEY, ...values.SECRET_KEY_FALLBACKS] as [string, ...string[]],
    database: {
      url: values.DATABASE_URL,
      poolSize: values.DATABASE_POOL_SIZE,
    },
    dataDir: values.DATA_DIR,
    /** Scheme, host and port, without a trailing slash. */
    publicOrigin: new URL(values.PUBLIC_URL).origin,
    allowedOrigins: values.CORS_ALLOWED_ORIGINS.map((text) => new URL(text).origin),
    reset: {
      enabled: values.RESET_PASSWORD_VERIFICATION_ENABLED,
      pageUrl: values.RESET_PASSWORD_VERIFICATION_URL ?? new URL('/reset-password/', values.PUBLIC_URL).href,
      /** Seconds a link lives. */
      period: values.RESET_PASSWORD_VERIFICATION_PERIOD,
      oneTimeUse: values.RESET_PASSWORD_VERIFICATION_ONE_TIME_USE,
      failWhenUserNotFound: values.RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND,
      passwordConfirm: values.RESET_PASSWORD_SERIALIZER_PASSWORD_CONFIRM,
      /** The name of the field that says who asks. */
      loginField: values.SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL
        ? ('email' as const)
        : ('login' as const),
      /** What the field is compared with. */
      loginFields: values.SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL
        ? (['email'] as const)
        : (values.USER_LOGIN_FIELDS as readonly ('username' | 'email')[]),
    },
    password: { minLength: values.PASSWORD_MIN_LENGTH, outerSpaces: values.PASSWORD_OUTER_SPACES },
    breachCheckUrl: values.PASSWORD_BREACH_CHECK_URL,
    limits: {
      asksPerClient: values.LIMIT_ASKS_PER_CLIENT,
      asksPerLogin: values.LIMIT_ASKS_PER_LOGIN,
      resetsPerClient: values.LIMIT_RESETS_PER_CLIENT,
      attemptsPerLink: values.LIMIT_ATTEMPTS_PER_LINK,
      letters: values.LIMIT_LETTERS,
    },
    letterSlots: {
      /** Seconds. */
      cooldown: values.LETTER_COOLDOWN,
      perAccount: values.LIMIT_LETTERS_PER_ACCOUNT ?? {
        count: 5,
        seconds: Math.min(3600, values.RESET_PASSWORD_VERIFICATION_PERIOD),
      },
    },
    /** Seconds. */
    auditRetention: values.AUDIT_RETENTION,
    mail: {
      /** Absent: letters are caught in the mailbox of demo and dev. */
      smtpUrl: values.SMTP_URL,
      from: values.VERIFICATION_FROM_EMAIL ?? 'no-reply@rekey.localhost',
      replyTo: values.VERIFICATION_REPLY_TO_EMAIL,
    },
    trustedProxyHops: values.TRUSTED_PROXY_HOPS,
    look: {
      appName: values.APP_NAME,
      /** A path of this app. */
      logoUrl: values.LOGO_URL,
      /** `#rrggbb`; made readable before it is used. */
      brandColor: values.BRAND_COLOR,
      signInUrl: values.SIGN_IN_URL,
      supportEmail: values.SUPPORT_EMAIL,
    },
    /** A URI; for whoever found a weakness. */
    securityContact: values.SECURITY_CONTACT,
    defaultLocale: values.DEFAULT_LOCALE,
    worker: values.WORKER,
    webConcurrency: values.WEB_CONCURRENCY,
    logLevel: values.LOG_LEVEL,
    port: values.PORT,
    host: values.HOST,
  }
}

/** One sentence for a setting is enough, however much is wrong with it. */
function firstOfEach(issues: z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  return issues.filter((issue, i) => issues.findIndex(({ path }) => path[0] === issue.path[0]) === i)
}

function describe(issue: z.core.$ZodIssue, given: Record<string, unknown>): string {
  const name = String(issue.path[0])
  return given[name] === undefined ? missing(name) : `${name}: ${issue.message}`
}

function missing(name: string): string {
  return `${name} is missing: ${whyNeeded[name]}`
}

/** The two URLs that commands on the database need, checked like all settings but without the others. */
export function readDatabaseUrls(env: Record<string, string | undefined>): {
  url: string
  migrationUrl: string
} {
  const url = env.DATABASE_URL || undefined
  const migrationUrl = env.MIGRATION_DATABASE_URL || url
  const problems: string[] = []
  if (migrationUrl === undefined) problems.push(missing('DATABASE_URL'))
  for (const [name, value] of Object.entries({ DATABASE_URL: url, MIGRATION_DATABASE_URL: migrationUrl })) {
    const checked = postgres.optional().safeParse(value)
    if (!checked.success) problems.push(`${name}: ${checked.error.issues[0]?.message}`)
  }
  if (problems.length > 0 || migrationUrl === undefined) throw new SettingsError(problems)
  return { url: url ?? migrationUrl, migrationUrl }
}

/** Where the embedded database, caught letters and the generated secret are. */
export function readDataDir(env: Record<string, string | undefined>): string {
  return env.DATA_DIR || '.data'
}

let read: Settings | undefined

/**
 * The settings of this process, read on first use: `next build` imports every route and may have no secrets. The role that
 * owns the tables is checked and then forgotten: what serves, and what it starts, has no use for it (ASVS 13.2.2).
 */
export function settings(): Settings {
  if (read !== undefined) return read
  read = readSettings(process.env)
  delete process.env.MIGRATION_DATABASE_URL
  return read
}
