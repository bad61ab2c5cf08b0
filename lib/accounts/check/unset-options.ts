/** Whether an option may be an empty text: only a value that must equal a column's, must differ from it, or is written into it. */
function mayBeEmpty(option: string): boolean {
  return /\.(is|isNot)$|^users\.(set|password\.in\.where)\./.test(option)
}

/**
 * Finds options of a mapping that are named but have no value, such as `pepper: process.env.DEVISE_PEPPER` if the variable is
 * missing. A reset would then write hashes that the product cannot verify.
 *
 * @returns a sentence for each option
 */
export function unsetOptionProblems(mapping: object, path = 'users'): string[] {
  return Object.entries(mapping).flatMap(([name, value]) => {
    const option = Array.isArray(mapping) ? `${path}[${name}]` : `${path}.${name}`
    const isMissing = value === undefined || Number.isNaN(value) || (value === '' && !mayBeEmpty(option))
    if (isMissing) return [`${option} has no value.`]
    return typeof value === 'object' && value !== null ? unsetOptionProblems(value as object, option) : []
  })
}
