import { AlertIcon } from './icons'

/** What is wrong with one field, right below it; the field refers to it by `id`. */
export function FieldErrors({ id, errors }: { id: string; errors: readonly string[] }) {
  if (errors.length === 0) return null
  return (
    <ul id={id} className="mt-2 space-y-1 font-medium text-bad">
      {errors.map((error) => (
        <li key={error} className="flex gap-2">
          <AlertIcon className="mt-[0.2em] size-5" />
          <span className="min-w-0">{error}</span>
        </li>
      ))}
    </ul>
  )
}
