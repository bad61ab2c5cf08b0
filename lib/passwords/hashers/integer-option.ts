/**
 * Reads a numeric option of a password format. An option that is present but undefined, such as a missing environment
 * variable, is an error instead of the default: with a wrong format, people could not sign in.
 *
 * @param format the name of the format, for the error
 * @param range.otherwise the default
 * @throws Error naming the option if it is no integer within the range, or is missing and has no default
 */
export function integerOption<Name extends string>(
  format: string,
  options: { readonly [name in Name]?: number },
  name: Name,
  range: { min: number; max: number; otherwise?: number },
): number {
  const { min, max, otherwise } = range
  const value: unknown = Object.hasOwn(options, name) ? options[name] : otherwise
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  const given = typeof value === 'number' || value === undefined ? String(value) : `a ${typeof value}`
  throw new Error(`${format}: ${name} must be a whole number from ${min} to ${max}, and is ${given}`)
}
