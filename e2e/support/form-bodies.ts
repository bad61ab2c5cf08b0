/** The text of a field's value. Objects become JSON, because their own `toString` may be missing or no function. */
const written = (one: unknown) => (typeof one === 'object' ? JSON.stringify(one) : String(one))

export function asForm(fields: Record<string, unknown>): string {
  return new URLSearchParams(Object.entries(fields).map(([name, one]) => [name, written(one)])).toString()
}

/** A body of the type `multipart/form-data; boundary=x`. */
export function asMultipart(fields: Record<string, unknown>): string {
  const part = ([name, one]: [string, unknown]) =>
    `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${written(one)}\r\n`
  return `${Object.entries(fields).map(part).join('')}--x--\r\n`
}
