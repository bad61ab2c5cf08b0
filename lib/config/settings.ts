import path from 'node:path'
import { databaseSchemaNames } from './schema-names'
import { hasEasilyGuessedPassword, emailLimitProblems, schemaNameProblems } from './contradictions'
import { readDemoProduct } from './demo-product'
import { validateSettings, presentSettings, missingSettingMessage } from './validate-settings'
import { ignoredSettings } from './ignored'
import { defaultHeloName } from './mail'
import { readMode } from './mode'
import { settingsSchema } from './schema'

// In `app` and `lib`, a lint rule allows `process.env` only here and in tests.

export type Settings = ReturnType<typeof readSettings>

export class SettingsError extends Error {
  readonly problems: string[]
  constructor(problems: string[]) {
    super(['Rekey cannot start: its settings need attention.', ...problems.map((p) => `  - ${p}`)].join('\n'))
    this.name = 'SettingsError'
    this.problems = problems
  }
}

/** Parses the settings; an empty value counts as absent. @throws SettingsError for missing, malformed and contradictory settings */
export function readSettings(env: Record<string, string | undefined>) {
  const mode = readMode(env)
  const given = presentSettings(env)
  if (mode !== 'production') {
    given.PUBLIC_URL ??= localUrl(given.PORT)
    given.HOST ??= '127.0.0.1'
  }

  const { problems, values } = validateSettings(settingsSchema, given)
  if (mode === 'production' && given.SMTP_URL === undefined) problems.push(missingSettingMessage('SMTP_URL'))
  if (
    (mode === 'production' || given.SMTP_URL !== undefined) &&
    given.VERIFICATION_FROM_EMAIL === undefined
  ) {
    problems.push(missingSettingMessage('VERIFICATION_FROM_EMAIL'))
  }
  const fallbacks = (given.SECRET_KEY_FALLBACKS ?? '').split(',').map((key) => key.trim())
  if (given.SECRET_KEY !== undefined && fallbacks.includes(given.SECRET_KEY)) {
    problems.push('SECRET_KEY_FALLBACKS: contains the current SECRET_KEY; list only other keys there')
  }
  for (const name of ['HEALTH_TOKEN', 'METRICS_TOKEN'])
    if (given[name] !== undefined && [given.SECRET_KEY, ...fallbacks].includes(given[name]))
      problems.push(`${name}: equals a SECRET_KEY; a monitor must not be able to sign links`)
  for (const name of ['DATABASE_URL', 'MIGRATION_DATABASE_URL'])
    if (mode === 'production' && hasEasilyGuessedPassword(given[name]))
      problems.push(
        `${name}: its password is one that attackers try first; give the database role a random one`,
      )
  problems.push(...emailLimitProblems(given), ...schemaNameProblems(given))
  if (values === undefined || problems.length > 0) throw new SettingsError(problems)

  // Seconds, not longer than the life of a link: see `emailLimitProblems`.
  const emailWindow = Math.min(3600, values.RESET_PASSWORD_VERIFICATION_PERIOD)
  const publicUrl = new URL(values.PUBLIC_URL).href.replace(/\/$/, '')
  const publicOrigin = new URL(publicUrl).origin
  const basePath = publicUrl.slice(publicOrigin.length)
  return {
    mode,
    secrets: [values.SECRET_KEY, ...values.SECRET_KEY_FALLBACKS] as [string, ...string[]],
    database: {
      url: values.DATABASE_URL,
      poolSize: values.DATABASE_POOL_SIZE,
      schemas: databaseSchemaNames(values),
      /** Whether all clients of the database share one session, as on the embedded database. */
      sharedSession: env.REKEY_SHARED_SESSION === 'yes',
    },
    demoProduct: mode === 'production' ? undefined : readDemoProduct(env),
    dataDir: dataDirOf(values, env),
    publicOrigin,
    /** Such as `/account`, without a trailing slash; may be empty. */
    basePath,
    /** Without a trailing slash. */
    publicUrl,
    /** Off by default if PUBLIC_URL has a path, because HSTS would bind the other applications on the host, too. */
    hsts: values.HSTS ?? (basePath === '' ? ('host' as const) : ('off' as const)),
    allowedOrigins: values.CORS_ALLOWED_ORIGINS.map((text) => new URL(text).origin),
    reset: {
      enabled: values.RESET_PASSWORD_VERIFICATION_ENABLED,
      pageUrl: values.RESET_PASSWORD_VERIFICATION_URL ?? `${publicUrl}/reset-password/`,
      /** Seconds. */
      period: values.RESET_PASSWORD_VERIFICATION_PERIOD,
      oneTimeUse: values.RESET_PASSWORD_VERIFICATION_ONE_TIME_USE,
      failWhenUserNotFound: values.RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND,
      passwordConfirm: values.RESET_PASSWORD_SERIALIZER_PASSWORD_CONFIRM,
      /** The name of the request field that contains the login. */
      loginField: values.SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL
        ? ('email' as const)
        : ('login' as const),
      /** The account attributes that the login is compared with. */
      loginFields: values.SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL
        ? (['email'] as const)
        : (values.USER_LOGIN_FIELDS as readonly ('username' | 'email')[]),
    },
    /** With `required`, production starts only after a known password was verified with the mapped users table, if there is one. */
    usersTableProof: values.USERS_TABLE_PROOF,
    password: { minLength: values.PASSWORD_MIN_LENGTH, outerSpaces: values.PASSWORD_OUTER_SPACES },
    breachCheckUrl: values.PASSWORD_BREACH_CHECK_URL,
    limits: {
      requestsPerClient: values.LIMIT_REQUESTS_PER_CLIENT,
      requestsPerLogin: values.LIMIT_REQUESTS_PER_LOGIN,
      resetsPerClient: values.LIMIT_RESETS_PER_CLIENT,
      attemptsPerLink: values.LIMIT_ATTEMPTS_PER_LINK,
      emails: values.LIMIT_EMAILS,
      emailsPerMailbox: values.LIMIT_EMAILS_PER_MAILBOX ?? {
        count: 20,
        seconds: emailWindow,
      },
    },
    emailSlots: {
      /** Seconds. */
      cooldown: values.EMAIL_COOLDOWN,
      perAccount: values.LIMIT_EMAILS_PER_ACCOUNT ?? {
        count: 5,
        seconds: emailWindow,
      },
    },
    /** Seconds. */
    auditRetention: values.AUDIT_RETENTION,
    mail: {
      /** Undefined only in demo and dev: emails are then stored in a local mailbox. */
      smtpUrl: values.SMTP_URL,
      heloName: values.SMTP_HELO_NAME ?? defaultHeloName(values.PUBLIC_URL),
      /** Certificates in PEM, trusted in addition to those that Node trusts. */
      authorities: values.SMTP_CA_FILE,
      from: values.VERIFICATION_FROM_EMAIL ?? 'no-reply@rekey.localhost',
      replyTo: values.VERIFICATION_REPLY_TO_EMAIL,
    },
    trustedProxyHops: values.TRUSTED_PROXY_HOPS,
    branding: {
      appName: values.APP_NAME,
      logoUrl: values.LOGO_URL && `${basePath}${values.LOGO_URL}`,
      /** `#rrggbb`; its contrast must be adjusted before use. */
      brandColor: values.BRAND_COLOR,
      signInUrl: values.SIGN_IN_URL,
      supportEmail: values.SUPPORT_EMAIL,
    },
    /** The URI for vulnerability reports. */
    securityContact: values.SECURITY_CONTACT,
    defaultLocale: values.DEFAULT_LOCALE,
    worker: values.WORKER,
    webConcurrency: values.WEB_CONCURRENCY,
    /** The bearer token of `/api/health/mail`; if undefined, that path responds 404. */
    healthToken: values.HEALTH_TOKEN,
    /** The bearer token of `/api/metrics`; if undefined, that path responds 404. */
    metricsToken: values.METRICS_TOKEN,
    logLevel: values.LOG_LEVEL,
    port: values.PORT,
    host: values.HOST,
    /** Warnings about settings without effect. */
    ignored: ignoredSettings(given, values, mode),
  }
}

/** Ignores a PORT that makes no URL, because validation reports it. */
function localUrl(port = '3000'): string {
  const url = `http://localhost:${port}`
  return URL.canParse(url) ? url : 'http://localhost:3000'
}

/** A demo with another product's tables has a data directory of its own. */
export function dataDirOf(
  { DATA_DIR }: { DATA_DIR: string },
  env: Record<string, string | undefined>,
): string {
  const product = readDemoProduct(env)
  return product === undefined ? DATA_DIR : path.join(DATA_DIR, product)
}

let read: Settings | undefined

/**
 * Parses the settings on first use, because `next build` imports routes without settings. Removes MIGRATION_DATABASE_URL from the
 * environment, because a serving process does not need the owner's role (ASVS 13.2.2).
 */
export function processSettings(): Settings {
  if (read !== undefined) return read
  read = readSettings(process.env)
  delete process.env.MIGRATION_DATABASE_URL
  return read
}
