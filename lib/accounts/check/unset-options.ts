/** Whether an option may be an empty text: only in `is` or `isNot` of a condition, in `set`, or in `password.in.where`. */
function mayBeEmpty(option: string): boolean {
  return /\.(is|isNot)$|^users\.(set|password\.in\.where)\./.test(option)
}

/**
 * Finds options of a mapping that are present but undefined, NaN, or an empty text that `mayBeEmpty` does not allow. Otherwise, for
 * `is: process.env.TENANT` without the variable, a statement would compare the column with the text `undefined`.
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
