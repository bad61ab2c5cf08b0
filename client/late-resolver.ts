import type { FieldValues, Resolver } from 'react-hook-form'

/**
 * A resolver that is loaded late: schemas weigh as much as a form's other half, and nobody needs them to see a page.
 *
 * @param load undefined where it cannot be loaded: then the endpoint alone checks what was typed
 */
export function lateResolver<Values extends FieldValues>(
  load: () => Promise<Resolver<Values> | undefined>,
): Resolver<Values> {
  return async (values, context, options) => {
    const resolver = await load()
    return resolver === undefined ? { values, errors: {} } : resolver(values, context, options)
  }
}
