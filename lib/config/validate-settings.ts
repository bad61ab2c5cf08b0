import type { z } from 'zod'
import { rawValueProblem } from './raw-value'
import { settingPurposes } from './schema'

export type Environment = Record<string, string | undefined>

export function presentSettings(env: Environment): Environment {
  return Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
}

/** `problems` has a sentence for each wrong setting, without its value. If there are problems, `values` is absent. */
export function validateSettings<Schema extends z.ZodObject>(
  schema: Schema,
  given: Environment,
): { problems: string[]; values?: z.output<Schema> } {
  const found = new Map<string, string>()
  for (const name of Object.keys(schema.shape)) {
    const problem = given[name] === undefined ? undefined : rawValueProblem(given[name])
    if (problem !== undefined) found.set(name, `${name}: ${problem}`)
  }
  const parsed = schema.safeParse(given)
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0])
    // The first problem of a setting is often the cause of its others.
    if (!found.has(name)) found.set(name, describe(issue, given))
  }
  const problems = [...found.values()]
  return parsed.success && problems.length === 0 ? { problems, values: parsed.data } : { problems }
}

function describe(issue: z.core.$ZodIssue, given: Environment): string {
  const name = String(issue.path[0])
  return given[name] === undefined ? missingSettingMessage(name) : `${name}: ${issue.message}`
}

export function missingSettingMessage(name: string): string {
  return `${name} is missing: ${settingPurposes[name]}`
}
