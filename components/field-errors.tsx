import { AlertIcon } from './icons'

/** Rendered even without errors, so that screen readers announce later ones (WCAG 4.1.3). `id` is for the field's `aria-describedby`. */
export function FieldErrors({ id, errors }: { id: string; errors: readonly string[] }) {
  return (
    <div aria-live="polite">
      {errors.length > 0 && (
        <ul id={id} role="list" className="mt-2 space-y-1 font-medium text-bad">
          {errors.map((error) => (
            <li key={error} className="flex gap-2">
              <AlertIcon className="mt-[0.2em] size-5" />
              <span className="min-w-0">{error}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
