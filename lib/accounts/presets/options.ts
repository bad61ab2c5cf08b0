/** Adds the schema of the users table to the name of another table of the product, unless that name has a schema. */
export function siblingTable(users: string, table: string): string {
  const [schema, name] = users.split('.')
  return name === undefined || table.includes('.') ? table : `${schema}.${table}`
}

/**
 * Rejects options that are given without a value: `process.env.DEVISE_PEPPER` where the variable is missing would silently
 * mean "no pepper", and lock everybody out.
 *
 * @throws Error that names the preset and the option
 */
export function rejectEmptyOptions(preset: string, options: object): void {
  for (const [name, value] of Object.entries(options))
    if (value === undefined || value === '' || Number.isNaN(value))
      throw new Error(`The option ${name} of ${preset}() has no value.`)
}
