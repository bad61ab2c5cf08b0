function mayBeEmpty(option: string): boolean {
  return /\.(is|isNot)$|^users\.(set|password\.in\.where)\./.test(option)
}

/** Reports options without a value: `is: process.env.TENANT` without the variable would compare with the text `undefined`. */
export function unsetOptionProblems(mapping: object, path = 'users'): string[] {
  return Object.entries(mapping).flatMap(([name, value]) => {
    const option = Array.isArray(mapping) ? `${path}[${name}]` : `${path}.${name}`
    const isMissing = value === undefined || Number.isNaN(value) || (value === '' && !mayBeEmpty(option))
    if (isMissing) return [`${option} has no value.`]
    return typeof value === 'object' && value !== null ? unsetOptionProblems(value as object, option) : []
  })
}
