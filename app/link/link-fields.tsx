import type { LinkParameters } from './parse-link'

export function LinkFields({ link }: { link: LinkParameters }) {
  return Object.entries(link).map(([name, value]) => (
    <input key={name} type="hidden" name={name} value={value} />
  ))
}
