/** Adds the schema of the users table to the name of another table, unless that name has a schema, or the users table has none. */
export function siblingTable(users: string, table: string): string {
  const [schema, name] = users.split('.')
  return name === undefined || table.includes('.') ? table : `${schema}.${table}`
}

/**
 * Rejects options that are present but undefined, NaN or an empty text. Otherwise, `pepper: process.env.DEVISE_PEPPER` would mean "no
 * pepper" if the variable is missing, and people could not sign in with their new passwords.
 *
 * @throws Error that names the preset and the option
 */
export function rejectUnsetOptions(preset: string, options: object): void {
  for (const [name, value] of Object.entries(options))
    if (value === undefined || value === '' || Number.isNaN(value))
      throw new Error(`The option ${name} of ${preset}() has no value.`)
}
