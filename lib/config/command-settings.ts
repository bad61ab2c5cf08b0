import type { z } from 'zod'
import { databaseSchemaNames, type SchemaNames } from './schema-names'
import { schemaNameProblems, schemaSettings } from './contradictions'
import { ignoredParameters } from './database-parameters'
import {
  missingSettingMessage,
  presentSettings,
  validateSettings,
  type Environment,
} from './validate-settings'
import { settingsSchema } from './schema'
import { dataDirOf, SettingsError } from './settings'
import { unknownSettingWarnings } from './unknown-settings'

// Commands such as `migrate` may run without SECRET_KEY and other settings. So each function validates only the settings that it needs.

/**
 * Parses the settings of the database. DATABASE_URL and MIGRATION_DATABASE_URL default to each other.
 *
 * @returns `migrationSetting`: the name of the setting that contains `migrationUrl`; `ignored`: warnings about settings without effect
 * @throws SettingsError if both URLs are missing, or a setting is wrong
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

/** @throws SettingsError if a name is wrong */
export function readSchemaNames(env: Record<string, string | undefined>): SchemaNames {
  const { problems, values } = checkSchemas(presentSettings(env))
  if (values === undefined || problems.length > 0) throw new SettingsError(problems)
  return databaseSchemaNames(values)
}

function checkSchemas(given: Record<string, string | undefined>) {
  const { problems, values } = validateSettings(schemaSettings, given)
  return { problems: [...problems, ...schemaNameProblems(given)], values }
}

const databaseUrls = settingsSchema.pick({ DATABASE_URL: true, MIGRATION_DATABASE_URL: true }).partial()

/** @throws SettingsError if DATA_DIR is malformed */
export function readDataDir(env: Record<string, string | undefined>): string {
  return dataDirOf(requireValid(settingsSchema.pick({ DATA_DIR: true }), env), env)
}

/** Returns the lifetime of a mailed link in seconds. @throws SettingsError if the setting is malformed */
export function readLinkPeriod(env: Record<string, string | undefined>): number {
  const schema = settingsSchema.pick({ RESET_PASSWORD_VERIFICATION_PERIOD: true })
  return requireValid(schema, env).RESET_PASSWORD_VERIFICATION_PERIOD
}

function requireValid<Schema extends z.ZodObject>(schema: Schema, env: Environment): z.output<Schema> {
  const { problems, values } = validateSettings(schema, presentSettings(env))
  if (values === undefined) throw new SettingsError(problems)
  return values
}
