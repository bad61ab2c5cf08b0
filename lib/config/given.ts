import type { z } from 'zod'
import { rawProblem } from './raw-value'
import { whyNeeded } from './schema'

/** What is set, by name: an empty value counts as absent. */
export type Given = Record<string, string | undefined>

export function givenIn(env: Given): Given {
  return Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
}

/**
 * Checks what is set against the schema of some settings.
 *
 * @returns a sentence for each setting that is wrong, without any part of a value; the values where there is none
 */
export function check<Schema extends z.ZodObject>(
  schema: Schema,
  given: Given,
): { problems: string[]; values?: z.output<Schema> } {
  const found = new Map<string, string>()
  for (const name of Object.keys(schema.shape)) {
    const problem = given[name] === undefined ? undefined : rawProblem(given[name])
    if (problem !== undefined) found.set(name, `${name}: ${problem}`)
  }
  const parsed = schema.safeParse(given)
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0])
    // One sentence for a setting is enough, however much is wrong with it.
    if (!found.has(name)) found.set(name, describe(issue, given))
  }
  const problems = [...found.values()]
  return parsed.success && problems.length === 0 ? { problems, values: parsed.data } : { problems }
}

function describe(issue: z.core.$ZodIssue, given: Given): string {
  const name = String(issue.path[0])
  return given[name] === undefined ? missing(name) : `${name}: ${issue.message}`
}

export function missing(name: string): string {
  return `${name} is missing: ${whyNeeded[name]}`
}
