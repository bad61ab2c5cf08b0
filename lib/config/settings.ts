import type { Schemas } from './schema-names'
import { hasStockPassword, linklessTimes, oneSchemaForBoth } from './contradictions'
import { ignoredParameters } from './database-parameters'
import { check, givenIn, missing } from './given'
import { ignoredSettings } from './ignored'
import { defaultHeloName } from './mail'
import { readMode } from './mode'
import { shape } from './schema'
import { unknownNames } from './unknown-names'

// The only file that reads the environment: a lint rule keeps all others from it.

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
  const mode = readMode(env)
  const given = givenIn(env)
  if (mode !== 'production') {
    given.PUBLIC_URL ??= localAddress(given.PORT)
    given.HOST ??= '127.0.0.1'
  }

  const { problems, values } = check(shape, given)
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
  if (given.HEALTH_TOKEN !== undefined && [given.SECRET_KEY, ...fallbacks].includes(given.HEALTH_TOKEN))
    problems.push('HEALTH_TOKEN: is a SECRET_KEY too; monitors must not hold what signs links')
  for (const name of ['DATABASE_URL', 'MIGRATION_DATABASE_URL'])
    if (mode === 'production' && hasStockPassword(given[name]))
      problems.push(`${name}: its password is one that everybody tries first; give the database role its own`)
  problems.push(...linklessTimes(given), ...oneSchemaForBoth(given))
  if (values === undefined || problems.length > 0) throw new SettingsError(problems)

  /** Seconds: no longer than a link lives, see `linklessTimes`. */
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
      schemas: schemasOf(values),
    },
    dataDir: values.DATA_DIR,
    /** Scheme, host and port, without a trailing slash. */
    publicOrigin,
    /** The path of PUBLIC_URL, such as `/account`; empty where Rekey has a host of its own. */
    basePath,
    /** PUBLIC_URL without a trailing slash. */
    publicUrl,
    /** Which hosts a browser is told to reach by https only. On a shared host that is not Rekey's to decide. */
    hsts: values.HSTS ?? (basePath === '' ? ('host' as const) : ('off' as const)),
    allowedOrigins: values.CORS_ALLOWED_ORIGINS.map((text) => new URL(text).origin),
    reset: {
      enabled: values.RESET_PASSWORD_VERIFICATION_ENABLED,
      pageUrl: values.RESET_PASSWORD_VERIFICATION_URL ?? `${publicUrl}/reset-password/`,
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
      lettersPerMailbox: values.LIMIT_LETTERS_PER_MAILBOX ?? {
        count: 20,
        seconds: emailWindow,
      },
    },
    emailSlots: {
      /** Seconds. */
      cooldown: values.LETTER_COOLDOWN,
      perAccount: values.LIMIT_LETTERS_PER_ACCOUNT ?? {
        count: 5,
        seconds: emailWindow,
      },
    },
    /** Seconds. */
    auditRetention: values.AUDIT_RETENTION,
    mail: {
      /** Absent: letters are caught in the mailbox of demo and dev. */
      smtpUrl: values.SMTP_URL,
      /** What EHLO says. */
      heloName: values.SMTP_HELO_NAME ?? defaultHeloName(values.PUBLIC_URL),
      /** Certificates, PEM; believed besides those that Node believes. */
      authorities: values.SMTP_CA_FILE,
      from: values.VERIFICATION_FROM_EMAIL ?? 'no-reply@rekey.localhost',
      replyTo: values.VERIFICATION_REPLY_TO_EMAIL,
    },
    trustedProxyHops: values.TRUSTED_PROXY_HOPS,
    look: {
      appName: values.APP_NAME,
      /** A path of this origin. */
      logoUrl: values.LOGO_URL && `${basePath}${values.LOGO_URL}`,
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
    /** Opens `/api/health/mail`; absent: there is no such address. */
    healthToken: values.HEALTH_TOKEN,
    logLevel: values.LOG_LEVEL,
    port: values.PORT,
    host: values.HOST,
    /** What is set and has no effect, a sentence each. */
    ignored: ignoredSettings(given, values, mode),
  }
}

/** Where demo and dev are reached. A port that is none is told under its own name. */
function localAddress(port = '3000'): string {
  const address = `http://localhost:${port}`
  return URL.canParse(address) ? address : 'http://localhost:3000'
}

/** The queue's schema is named after the other one unless it has a name of its own. */
function schemasOf(values: { DATABASE_SCHEMA: string; DATABASE_QUEUE_SCHEMA?: string | undefined }): Schemas {
  const own = values.DATABASE_SCHEMA
  return { own, queue: values.DATABASE_QUEUE_SCHEMA ?? `${own}_queue` }
}

/**
 * What commands on the database need, checked like all settings but without the others.
 *
 * @param env the environment; an empty value counts as absent
 * @returns `ignored`: what is set and has no effect, a sentence each
 * @throws SettingsError where no URL is set, or a setting is malformed
 */
export function readDatabaseSettings(env: Record<string, string | undefined>) {
  const given = givenIn(env)
  const { problems, values } = check(databaseUrls, given)
  const schemas = checkSchemas(given)
  problems.push(...schemas.problems)
  const url = values?.DATABASE_URL ?? values?.MIGRATION_DATABASE_URL
  const migrationUrl = values?.MIGRATION_DATABASE_URL ?? url
  if (problems.length > 0) throw new SettingsError(problems)
  if (url === undefined || migrationUrl === undefined) throw new SettingsError([missing('DATABASE_URL')])
  if (schemas.values === undefined) throw new SettingsError(problems)
  const migrationSetting =
    given.MIGRATION_DATABASE_URL === undefined ? 'DATABASE_URL' : 'MIGRATION_DATABASE_URL'
  const ignored = [
    ...unknownNames(given),
    ...Object.entries(values ?? {}).flatMap(([name, value]) => ignoredParameters(name, value)),
  ]
  return { url, migrationUrl, migrationSetting, schemas: schemasOf(schemas.values), ignored }
}

/**
 * The two schemas, for commands on the embedded database.
 *
 * @throws SettingsError
 */
export function readSchemas(env: Record<string, string | undefined>): Schemas {
  const { problems, values } = checkSchemas(givenIn(env))
  if (values === undefined || problems.length > 0) throw new SettingsError(problems)
  return schemasOf(values)
}

function checkSchemas(given: Record<string, string | undefined>) {
  const { problems, values } = check(schemaSettings, given)
  return { problems: [...problems, ...oneSchemaForBoth(given)], values }
}

const schemaSettings = shape.pick({ DATABASE_SCHEMA: true, DATABASE_QUEUE_SCHEMA: true })

const databaseUrls = shape.pick({ DATABASE_URL: true, MIGRATION_DATABASE_URL: true }).partial()

/**
 * Where the embedded database, caught letters and the generated secret are.
 *
 * @throws SettingsError
 */
export function readDataDir(env: Record<string, string | undefined>): string {
  const { problems, values } = check(shape.pick({ DATA_DIR: true }), givenIn(env))
  if (values === undefined) throw new SettingsError(problems)
  return values.DATA_DIR
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
