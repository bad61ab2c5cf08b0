/** What is compared with a column or written into it may be an empty text. */
function mayBeEmpty(option: string): boolean {
  return /\.(is|isNot)$|^users\.(set|password\.in\.where)\./.test(option)
}

/**
 * The options of a mapping that have no value: `process.env.DEVISE_PEPPER` where the variable is missing, for one.
 *
 * @returns a sentence for each, which names the option
 */
export function missingValues(mapping: object, path = 'users'): string[] {
  return Object.entries(mapping).flatMap(([name, value]) => {
    const option = Array.isArray(mapping) ? `${path}[${name}]` : `${path}.${name}`
    const isMissing = value === undefined || Number.isNaN(value) || (value === '' && !mayBeEmpty(option))
    if (isMissing) return [`${option} has no value.`]
    return typeof value === 'object' && value !== null ? missingValues(value as object, option) : []
  })
}
