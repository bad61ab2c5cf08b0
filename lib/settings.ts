import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { languages } from './languages'
import { defaultSchemas, type Schemas } from './schema-names'
import {
  bearerToken,
  duration,
  flag,
  isLoopback,
  limit,
  line,
  list,
  mailAddress,
  onOff,
  origin,
  postgres,
  schema,
  secretKey,
  securityContact,
  smtp,
  webAddress,
  whole,
} from './settings/checks'
import { authoritiesFile, defaultHeloName, heloName, mailWarnings } from './settings/mail'

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

const shape = z.object({
  SECRET_KEY: secretKey,
  SECRET_KEY_FALLBACKS: list.pipe(z.array(secretKey)).default([]),
  DATABASE_URL: postgres,
  DATABASE_POOL_SIZE: whole(1, 500).default(10),
  DATABASE_SCHEMA: schema.default(defaultSchemas.own),
  DATABASE_QUEUE_SCHEMA: schema.optional(),
  MIGRATION_DATABASE_URL: postgres.optional(),
  DATA_DIR: line.default('.data'),
  PUBLIC_URL: origin,
  RESET_PASSWORD_VERIFICATION_URL: webAddress.optional(),
  RESET_PASSWORD_VERIFICATION_ENABLED: flag.default(true),
  RESET_PASSWORD_VERIFICATION_PERIOD: duration
    .refine((s) => s <= 86_400, 'a link lives 24h at most')
    .default(3600),
  RESET_PASSWORD_VERIFICATION_ONE_TIME_USE: flag.default(true),
  RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND: flag.default(false),
  RESET_PASSWORD_SERIALIZER_PASSWORD_CONFIRM: flag.default(false),
  SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL: flag.default(false),
  USER_LOGIN_FIELDS: list
    .pipe(
      z
        .array(z.enum(['username', 'email'], { error: 'write username, email or both' }))
        .min(1, 'write username, email or both'),
    )
    .default(['username', 'email']),
  PASSWORD_MIN_LENGTH: whole(8, 64).default(15),
  PASSWORD_OUTER_SPACES: z.enum(['keep', 'refuse'], { error: 'write keep or refuse' }).default('keep'),
  PASSWORD_BREACH_CHECK_URL: webAddress.optional(),
  SMTP_URL: smtp.optional(),
  SMTP_HELO_NAME: heloName.optional(),
  SMTP_CA_FILE: authoritiesFile.optional(),
  VERIFICATION_FROM_EMAIL: mailAddress.optional(),
  VERIFICATION_REPLY_TO_EMAIL: mailAddress.optional(),
  TRUSTED_PROXY_HOPS: whole(0, 10).default(0),
  CORS_ALLOWED_ORIGINS: list.pipe(z.array(origin)).default([]),
  LIMIT_ASKS_PER_CLIENT: limit.default({ count: 30, seconds: 600 }),
  LIMIT_ASKS_PER_LOGIN: limit.default({ count: 5, seconds: 600 }),
  LIMIT_RESETS_PER_CLIENT: limit.default({ count: 60, seconds: 600 }),
  LIMIT_ATTEMPTS_PER_LINK: limit.default({ count: 30, seconds: 3600 }),
  LETTER_COOLDOWN: z
    .union([z.literal('0s').transform(() => 0), duration], {
      error: 'write a whole number and a unit, such as 60s, or 0s for none',
    })
    .default(60),
  LIMIT_LETTERS_PER_ACCOUNT: limit
    .refine(({ count }) => count <= 100, 'at most 100 letters to one account')
    .optional(),
  LIMIT_LETTERS: limit.default({ count: 1000, seconds: 3600 }),
  APP_NAME: line.max(60, 'use at most 60 characters').default('Rekey'),
  LOGO_URL: z
    .string()
    .regex(
      /^\/(?!\/)[\w./-]+\.(svg|png|webp|avif)$/,
      'write the path of a picture in public/, such as /logo.svg',
    )
    .optional(),
  SIGN_IN_URL: webAddress.optional(),
  SUPPORT_EMAIL: mailAddress.optional(),
  SECURITY_CONTACT: securityContact.optional(),
  BRAND_COLOR: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i, 'write a colour as #rrggbb')
    .optional(),
  DEFAULT_LOCALE: z.enum(languages, { error: `write one of ${languages.join(', ')}` }).default('en'),
  AUDIT_RETENTION: duration
    .refine((s) => s >= 7 * 86_400, 'keep the audit log for 7d at least')
    .default(180 * 86_400),
  WORKER: onOff('on', 'off').default(true),
  WEB_CONCURRENCY: whole(1, 128).default(availableParallelism()),
  HEALTH_TOKEN: bearerToken.optional(),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'], {
      error: 'write fatal, error, warn, info, debug or trace',
    })
    .default('info'),
  PORT: whole(0, 65_535).default(3000),
  HOST: line.optional(),
})

const times = shape.pick({
  RESET_PASSWORD_VERIFICATION_PERIOD: true,
  LIMIT_LETTERS_PER_ACCOUNT: true,
  LETTER_COOLDOWN: true,
})

const whyNeeded: Record<string, string> = {
  SECRET_KEY: 'links are signed with it; `openssl rand -base64 48` makes a good one',
  DATABASE_URL: 'a PostgreSQL URL, such as postgresql://rekey:…@db.example.com/rekey?sslmode=verify-full',
  PUBLIC_URL: 'the address people reach this app at, such as https://id.example.com',
  SMTP_URL: 'letters are sent through it, such as smtp://user:password@mail.example.com:587',
  VERIFICATION_FROM_EMAIL: 'the sender of the letters, such as Example <no-reply@example.com>',
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
  if (given.HEALTH_TOKEN !== undefined && [given.SECRET_KEY, ...fallbacks].includes(given.HEALTH_TOKEN))
    problems.push('HEALTH_TOKEN: is a SECRET_KEY too; monitors must not hold what signs links')
  for (const name of ['DATABASE_URL', 'MIGRATION_DATABASE_URL'])
    if (mode === 'production' && hasStockPassword(given[name]))
      problems.push(`${name}: its password is one that everybody tries first; give the database role its own`)
  problems.push(...linklessTimes(given), ...oneSchemaForBoth(given))
  if (!parsed.success || problems.length > 0) throw new SettingsError(problems)

  const values = parsed.data
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
    emailSlots: {
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
    /** Opens `/api/health/mail`; absent: there is no such address. */
    healthToken: values.HEALTH_TOKEN,
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

/**
 * Somebody who gets no more letters holds a link that works: what a stranger has caused must not outlast the links that
 * came with it, or the stranger decides who can reset. Judged as soon as these settings can be read, whatever is wrong
 * with others.
 */
function linklessTimes(given: Record<string, string | undefined>): string[] {
  const { success, data: values } = times.safeParse(given)
  if (!success) return []
  const period = values.RESET_PASSWORD_VERIFICATION_PERIOD
  const why = `RESET_PASSWORD_VERIFICATION_PERIOD (${period}s): a stranger could use up a person's letters while no link of theirs is live`
  const problems: string[] = []
  if ((values.LIMIT_LETTERS_PER_ACCOUNT?.seconds ?? 0) > period)
    problems.push(`LIMIT_LETTERS_PER_ACCOUNT: write a length of time no longer than ${why}`)
  if (values.LETTER_COOLDOWN >= period)
    problems.push(`LETTER_COOLDOWN: write a length of time shorter than ${why}`)
  return problems
}

/** Whether a database elsewhere opens to a password that is tried first. None at all may mean a certificate. */
function hasStockPassword(databaseUrl: string | undefined): boolean {
  if (databaseUrl === undefined || !URL.canParse(databaseUrl)) return false
  const { hostname, username, password, searchParams } = new URL(databaseUrl)
  const used = password || (searchParams.get('password') ?? '')
  if (isLoopback(hostname) || used === '') return false
  const tried = /^(postgres|password|admin|root|secret|changeme|rekey)$/i
  return tried.test(used) || used.toLowerCase() === username.toLowerCase()
}

/** The queue's schema is named after the other one unless it has a name of its own. */
function schemasOf(values: { DATABASE_SCHEMA: string; DATABASE_QUEUE_SCHEMA?: string | undefined }): Schemas {
  const own = values.DATABASE_SCHEMA
  return { own, queue: values.DATABASE_QUEUE_SCHEMA ?? `${own}_queue` }
}

const schemaSettings = shape.pick({ DATABASE_SCHEMA: true, DATABASE_QUEUE_SCHEMA: true })

function oneSchemaForBoth(given: Record<string, string | undefined>): string[] {
  const { success, data } = schemaSettings.safeParse(given)
  return success && data.DATABASE_SCHEMA === data.DATABASE_QUEUE_SCHEMA
    ? ['DATABASE_QUEUE_SCHEMA: write another schema than DATABASE_SCHEMA; the queue has one to itself']
    : []
}

/** What commands on the database need, checked like all settings but without the others. */
export function readDatabaseSettings(env: Record<string, string | undefined>): {
  url: string
  migrationUrl: string
  schemas: Schemas
} {
  const url = env.DATABASE_URL || undefined
  const migrationUrl = env.MIGRATION_DATABASE_URL || url
  const problems: string[] = []
  if (migrationUrl === undefined) problems.push(missing('DATABASE_URL'))
  for (const [name, value] of Object.entries({ DATABASE_URL: url, MIGRATION_DATABASE_URL: migrationUrl })) {
    const checked = postgres.optional().safeParse(value)
    if (!checked.success) problems.push(`${name}: ${checked.error.issues[0]?.message}`)
  }
  const schemas = parseSchemas(env)
  if (Array.isArray(schemas)) problems.push(...schemas)
  if (problems.length > 0 || migrationUrl === undefined || Array.isArray(schemas))
    throw new SettingsError(problems)
  return { url: url ?? migrationUrl, migrationUrl, schemas }
}

/** The two schemas, for commands on the embedded database. */
export function readSchemas(env: Record<string, string | undefined>): Schemas {
  const schemas = parseSchemas(env)
  if (Array.isArray(schemas)) throw new SettingsError(schemas)
  return schemas
}

/** @returns the schemas, or what is wrong with their settings */
function parseSchemas(env: Record<string, string | undefined>): Schemas | string[] {
  const given = {
    DATABASE_SCHEMA: env.DATABASE_SCHEMA || undefined,
    DATABASE_QUEUE_SCHEMA: env.DATABASE_QUEUE_SCHEMA || undefined,
  }
  const { success, data, error } = schemaSettings.safeParse(given)
  if (!success) return error.issues.map(({ path, message }) => `${String(path[0])}: ${message}`)
  const problems = oneSchemaForBoth(given)
  return problems.length > 0 ? problems : schemasOf(data)
}

/** Where the embedded database, caught letters and the generated secret are. */
export function readDataDir(env: Record<string, string | undefined>): string {
  return env.DATA_DIR || '.data'
}

/** What is allowed but worth a warning at start, a sentence each. */
export function settingsWarnings(settings: Settings): string[] {
  const warnings: string[] = []
  if (settings.reset.failWhenUserNotFound) {
    warnings.push('RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND=true tells anybody who asks which accounts exist.')
  }
  if (!settings.reset.oneTimeUse) {
    warnings.push(
      'RESET_PASSWORD_VERIFICATION_ONE_TIME_USE=false lets whoever finds a used letter set the password again until the link expires.',
    )
  }
  const { resetsPerClient, attemptsPerLink } = settings.limits
  if (resetsPerClient.count > 100 || attemptsPerLink.count > 100) {
    warnings.push(
      'LIMIT_RESETS_PER_CLIENT or LIMIT_ATTEMPTS_PER_LINK lets one client fail more than 100 times in a row (NIST SP 800-63B-4 §3.2.2).',
    )
  }
  if (settings.trustedProxyHops > 0 && [undefined, '0.0.0.0', '::'].includes(settings.host)) {
    warnings.push(
      'TRUSTED_PROXY_HOPS is set and HOST opens the port on all addresses: whoever reaches it past the proxy chooses the address that they are counted under. Let only the proxy reach it, and set HOST to where it does.',
    )
  }
  if (settings.mode === 'production' && settings.look.supportEmail === undefined) {
    warnings.push('SUPPORT_EMAIL is not set: letters cannot say whom to contact.')
  }
  return [...warnings, ...mailWarnings(settings.mail)]
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
