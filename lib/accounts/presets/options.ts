/** Names a table of the product in the schema of its users table, unless it names one itself. */
export function siblingTable(users: string, table: string): string {
  const [schema, name] = users.split('.')
  return name === undefined || table.includes('.') ? table : `${schema}.${table}`
}

/**
 * Refuses options that are given without a value: `process.env.DEVISE_PEPPER` where the variable is missing would silently
 * mean "no pepper", and lock everybody out.
 *
 * @throws Error that names the preset and the option
 */
export function refuseEmptyOptions(preset: string, options: object): void {
  for (const [name, value] of Object.entries(options))
    if (value === undefined || value === '' || Number.isNaN(value))
      throw new Error(`The option ${name} of ${preset}() has no value.`)
}
