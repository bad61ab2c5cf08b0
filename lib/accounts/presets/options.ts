/** Adds the schema of the users table to the name of another table, unless that name has a schema, or the users table has none. */
export function siblingTable(users: string, table: string): string {
  const [schema, name] = users.split('.')
  return name === undefined || table.includes('.') ? table : `${schema}.${table}`
}

/**
 * Throws for options that are present but undefined, NaN or an empty text. Otherwise, an undefined `process.env.DEVISE_PEPPER` would mean
 * "no pepper", and people could not sign in with their new passwords.
 */
export function rejectUnsetOptions(preset: string, options: object): void {
  for (const [name, value] of Object.entries(options))
    if (value === undefined || value === '' || Number.isNaN(value))
      throw new Error(`The option ${name} of ${preset}() has no value.`)
}

/** Throws unless the value of an option is one of those that the option's type allows, because `rekey.config` may be untyped. */
export function rejectOtherValues(call: string, option: string, value: string, allowed: string[]): void {
  if (!allowed.includes(value))
    throw new Error(`The option ${option} of ${call}() must be ${allowed.join(' or ')}, not ${value}.`)
}
