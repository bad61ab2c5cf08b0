import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { languages } from '@/lib/i18n/locales'
import { defaultSchemaNames } from './schema-names'
import {
  bearerToken,
  duration,
  trueOrFalse,
  baseUrl,
  rateLimit,
  singleLine,
  commaSeparated,
  emailAddress,
  onOff,
  origin,
  publicBaseUrl,
  routedUrl,
  databaseSchema,
  secretKey,
  securityContact,
  smtpUrl,
  httpsOrLocalUrl,
  integerBetween,
} from './value-schemas'
import { postgresUrl } from './database-url'
import { authoritiesFile, heloName } from './mail'

/** All settings. `readSettings` adds the defaults that depend on other settings. */
export const settingsSchema = z.object({
  SECRET_KEY: secretKey,
  SECRET_KEY_FALLBACKS: commaSeparated.pipe(z.array(secretKey)).default([]),
  DATABASE_URL: postgresUrl,
  DATABASE_POOL_SIZE: integerBetween(1, 500).default(10),
  DATABASE_SCHEMA: databaseSchema.default(defaultSchemaNames.own),
  DATABASE_QUEUE_SCHEMA: databaseSchema.optional(),
  MIGRATION_DATABASE_URL: postgresUrl.optional(),
  DATA_DIR: singleLine.default('.data'),
  PUBLIC_URL: publicBaseUrl,
  RESET_PASSWORD_VERIFICATION_URL: routedUrl.optional(),
  RESET_PASSWORD_VERIFICATION_ENABLED: trueOrFalse.default(true),
  RESET_PASSWORD_VERIFICATION_PERIOD: duration
    .refine((s) => s <= 86_400, 'a link lives 24h at most')
    .default(3600),
  RESET_PASSWORD_VERIFICATION_ONE_TIME_USE: trueOrFalse.default(true),
  RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND: trueOrFalse.default(false),
  RESET_PASSWORD_SERIALIZER_PASSWORD_CONFIRM: trueOrFalse.default(false),
  SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL: trueOrFalse.default(false),
  USER_LOGIN_FIELDS: commaSeparated
    .pipe(
      z
        .array(z.enum(['username', 'email'], { error: 'write username, email or both' }))
        .min(1, 'write username, email or both'),
    )
    .default(['username', 'email']),
  USERS_TABLE_PROOF: z
    .enum(['required', 'waived'], { error: 'write required or waived' })
    .default('required'),
  PASSWORD_MIN_LENGTH: integerBetween(8, 64).default(15),
  PASSWORD_OUTER_SPACES: z.enum(['keep', 'refuse'], { error: 'write keep or refuse' }).default('keep'),
  PASSWORD_BREACH_CHECK_URL: baseUrl.optional(),
  SMTP_URL: smtpUrl.optional(),
  SMTP_HELO_NAME: heloName.optional(),
  SMTP_CA_FILE: authoritiesFile.optional(),
  VERIFICATION_FROM_EMAIL: emailAddress.optional(),
  VERIFICATION_REPLY_TO_EMAIL: emailAddress.optional(),
  TRUSTED_PROXY_HOPS: integerBetween(0, 10).default(0),
  HSTS: z.enum(['off', 'host', 'subdomains'], { error: 'write off, host or subdomains' }).optional(),
  CORS_ALLOWED_ORIGINS: commaSeparated.pipe(z.array(origin)).default([]),
  LIMIT_REQUESTS_PER_CLIENT: rateLimit.default({ count: 30, seconds: 600 }),
  LIMIT_REQUESTS_PER_LOGIN: rateLimit.default({ count: 5, seconds: 600 }),
  LIMIT_RESETS_PER_CLIENT: rateLimit.default({ count: 60, seconds: 600 }),
  LIMIT_ATTEMPTS_PER_LINK: rateLimit.default({ count: 30, seconds: 3600 }),
  EMAIL_COOLDOWN: z
    .union([z.literal('0s').transform(() => 0), duration], {
      error: 'write a whole number and a unit, such as 60s, or 0s for none',
    })
    .default(60),
  LIMIT_EMAILS_PER_ACCOUNT: rateLimit
    .refine(({ count }) => count <= 100, 'at most 100 emails to one account')
    .optional(),
  LIMIT_EMAILS_PER_MAILBOX: rateLimit.optional(),
  LIMIT_EMAILS: rateLimit.default({ count: 1000, seconds: 3600 }),
  APP_NAME: singleLine.max(60, 'use at most 60 characters').default('Rekey'),
  LOGO_URL: z
    .string()
    .regex(
      /^\/(?!\/)[\w./-]+\.(svg|png|webp|avif)$/,
      'write the path of a picture in public/, such as /logo.svg',
    )
    .optional(),
  SIGN_IN_URL: httpsOrLocalUrl.optional(),
  SUPPORT_EMAIL: emailAddress.optional(),
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
  WEB_CONCURRENCY: integerBetween(1, 128).default(availableParallelism()),
  HEALTH_TOKEN: bearerToken.optional(),
  METRICS_TOKEN: bearerToken.optional(),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'], {
      error: 'write fatal, error, warn, info, debug or trace',
    })
    .default('info'),
  PORT: integerBetween(0, 65_535).default(3000),
  HOST: singleLine.optional(),
})

/** The purposes of settings that may be required, for messages about missing ones. */
export const settingPurposes: Record<string, string> = {
  SECRET_KEY: 'links are signed with it; `openssl rand -base64 48` makes a good one',
  DATABASE_URL:
    'a PostgreSQL URL, such as postgresql://rekey:PASSWORD@db.example.com/rekey?sslmode=verify-full',
  PUBLIC_URL: 'the URL at which people reach this app, such as https://id.example.com',
  SMTP_URL: 'emails are sent through it, such as smtp://user:password@mail.example.com:587',
  VERIFICATION_FROM_EMAIL: 'the sender of the emails, such as Example <no-reply@example.com>',
}
