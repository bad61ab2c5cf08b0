import { existsSync } from 'node:fs'
import path from 'node:path'
import type { z } from 'zod'
import type { Mode } from './mode'
import { ignoredParameters } from './database-parameters'
import type { Environment } from './validate-settings'
import type { settingsSchema } from './schema'
import { unknownSettingWarnings } from './unknown-settings'

/** Returns a sentence for each setting that seems to have no effect, without quoting secrets. `given` is the environment. */
export function ignoredSettings(
  given: Environment,
  values: z.output<typeof settingsSchema>,
  mode: Mode,
): string[] {
  const sentences = [
    ...unknownSettingWarnings(given),
    ...ignoredParameters('DATABASE_URL', values.DATABASE_URL),
  ]
  if (given.USER_LOGIN_FIELDS !== undefined && values.SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL) {
    sentences.push(
      'USER_LOGIN_FIELDS is not used: SEND_RESET_PASSWORD_LINK_SERIALIZER_USE_EMAIL=true searches addresses only.',
    )
  }
  if (given.MIGRATION_DATABASE_URL !== undefined) {
    sentences.push('MIGRATION_DATABASE_URL is used by `npm run migrate` only: set it for that command alone.')
  }
  if (mode === 'production' && values.DATA_DIR !== '.data') {
    sentences.push('DATA_DIR is not used: only demo and dev keep data there.')
  }
  if (mode !== 'production' && given.WEB_CONCURRENCY !== undefined) {
    sentences.push('WEB_CONCURRENCY is not used: this command is one process.')
  }
  if (values.LOGO_URL !== undefined && !existsSync(path.join('public', values.LOGO_URL))) {
    sentences.push(
      'LOGO_URL is not the path of a file in public/: unless a proxy serves it, no picture is shown.',
    )
  }
  return sentences
}
