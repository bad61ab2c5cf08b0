/**
 * Reads a numeric option of a password format. `{ cost: undefined }` is an error, because the value that the team wanted is missing.
 *
 * @param range `otherwise` is the default
 * @throws Error naming an invalid option
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
