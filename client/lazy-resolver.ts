import type { FieldValues, Resolver } from 'react-hook-form'

/**
 * Loads the resolver when needed (docs/decisions/0017-what-a-form-loads-late.md).
 *
 * @param load must not reject: if loading fails, it returns undefined, and only the endpoint validates
 */
export function lazyResolver<Values extends FieldValues>(
  load: () => Promise<Resolver<Values> | undefined>,
): Resolver<Values> {
  return async (values, context, options) => {
    const resolver = await load()
    return resolver === undefined ? { values, errors: {} } : resolver(values, context, options)
  }
}
