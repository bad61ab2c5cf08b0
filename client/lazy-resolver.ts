import type { FieldValues, Resolver } from 'react-hook-form'

/**
 * Creates a resolver that loads on first use: schemas are half of a form's JavaScript, and a page does not need them to show.
 *
 * @param load returns undefined if loading fails; then only the endpoint validates
 */
export function lazyResolver<Values extends FieldValues>(
  load: () => Promise<Resolver<Values> | undefined>,
): Resolver<Values> {
  return async (values, context, options) => {
    const resolver = await load()
    return resolver === undefined ? { values, errors: {} } : resolver(values, context, options)
  }
}
