import type { SchemaNames } from './schema-names'
import { sameSchemaProblems } from './contradictions'
import { ignoredParameters } from './database-parameters'
import { missingSettingMessage, presentSettings, validateSettings } from './validate-settings'
import { settingsSchema } from './schema'
import { dataDirOf, databaseSchemaNames, SettingsError } from './settings'
import { unknownSettingWarnings } from './unknown-settings'

// Reads settings for commands such as `migrate`. A command may run where other settings, such as SECRET_KEY, are missing. So each
// function validates only the settings that it returns.

/**
 * Parses the settings of commands that need only the database.
 *
 * @param env the environment; an empty value counts as absent
 * @returns `url`: DATABASE_URL, else MIGRATION_DATABASE_URL; `migrationUrl`: MIGRATION_DATABASE_URL, else DATABASE_URL;
 *   `migrationSetting`: the name of the setting that contains `migrationUrl`; `schemas`: the names of Rekey's two schemas;
 *   `ignored`: one sentence for each unknown setting and each unused parameter of a URL
 * @throws SettingsError if neither URL is set, if one of these settings is malformed, or if both schemas have the same name
 */
export function readDatabaseSettings(env: Record<string, string | undefined>) {
  const given = presentSettings(env)
  const { problems, values } = validateSettings(databaseUrls, given)
  const schemas = checkSchemas(given)
  problems.push(...schemas.problems)
  const url = values?.DATABASE_URL ?? values?.MIGRATION_DATABASE_URL
  const migrationUrl = values?.MIGRATION_DATABASE_URL ?? url
  if (problems.length > 0) throw new SettingsError(problems)
  if (url === undefined || migrationUrl === undefined)
    throw new SettingsError([missingSettingMessage('DATABASE_URL')])
  if (schemas.values === undefined) throw new SettingsError(problems)
  const migrationSetting =
    given.MIGRATION_DATABASE_URL === undefined ? 'DATABASE_URL' : 'MIGRATION_DATABASE_URL'
  const ignored = [
    ...unknownSettingWarnings(given),
    ...Object.entries(values ?? {}).flatMap(([name, value]) => ignoredParameters(name, value)),
  ]
  return { url, migrationUrl, migrationSetting, schemas: databaseSchemaNames(schemas.values), ignored }
}

/** Parses the names of Rekey's two schemas. @throws SettingsError if one is malformed or both are equal */
export function readSchemaNames(env: Record<string, string | undefined>): SchemaNames {
  const { problems, values } = checkSchemas(presentSettings(env))
  if (values === undefined || problems.length > 0) throw new SettingsError(problems)
  return databaseSchemaNames(values)
}

function checkSchemas(given: Record<string, string | undefined>) {
  const { problems, values } = validateSettings(schemaSettings, given)
  return { problems: [...problems, ...sameSchemaProblems(given)], values }
}

const schemaSettings = settingsSchema.pick({ DATABASE_SCHEMA: true, DATABASE_QUEUE_SCHEMA: true })

const databaseUrls = settingsSchema.pick({ DATABASE_URL: true, MIGRATION_DATABASE_URL: true }).partial()

/**
 * Returns the path of the data directory, which contains the embedded database, the mailbox and the generated secret: DATA_DIR
 * or, for a demo with another product's tables, a subfolder, so that each demo has its own data.
 *
 * @throws SettingsError if DATA_DIR is malformed
 */
export function readDataDir(env: Record<string, string | undefined>): string {
  const { problems, values } = validateSettings(settingsSchema.pick({ DATA_DIR: true }), presentSettings(env))
  if (values === undefined) throw new SettingsError(problems)
  return dataDirOf(values, env)
}

/**
 * Parses how long a mailed link lives (RESET_PASSWORD_VERIFICATION_PERIOD).
 *
 * @returns seconds
 * @throws SettingsError if the setting is malformed
 */
export function readLinkPeriod(env: Record<string, string | undefined>): number {
  const schema = settingsSchema.pick({ RESET_PASSWORD_VERIFICATION_PERIOD: true })
  const { problems, values } = validateSettings(schema, presentSettings(env))
  if (values === undefined) throw new SettingsError(problems)
  return values.RESET_PASSWORD_VERIFICATION_PERIOD
}
