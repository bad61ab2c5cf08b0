import type * as inputs from '@/lib/http/request-schemas'

/**
 * The shapes that forms share with the endpoints. They weigh as much as a form's other half and nobody needs them to see a
 * page, so they are loaded when somebody begins to type; undefined where they do not come.
 */
export function loadShapes(): Promise<typeof inputs | undefined> {
  return import('@/lib/http/request-schemas').catch(() => undefined)
}
