import type { FieldValues, Resolver } from 'react-hook-form'

/**
 * Creates a resolver that loads the actual one on first use, because the schemas of the actual one are large and the page can show
 * the form without them (docs/decisions/0017-what-a-form-loads-late.md).
 *
 * @param load loads the actual resolver; returns undefined if that fails, so that only the endpoint validates
 */
export function lazyResolver<Values extends FieldValues>(
  load: () => Promise<Resolver<Values> | undefined>,
): Resolver<Values> {
  return async (values, context, options) => {
    const resolver = await load()
    return resolver === undefined ? { values, errors: {} } : resolver(values, context, options)
  }
}
