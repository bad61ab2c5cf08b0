import {
  fieldErrorCodes,
  isWholeFormErrorCode,
  type FieldErrorCode,
  type WholeFormErrorCode,
} from './error-codes'

// A script reads error codes of fields from the header `Error-Codes`. Without JavaScript, the codes are in the URL of the page.

export type FormErrors<Field extends string = string> = {
  form?: WholeFormErrorCode
  fields: Partial<Record<Field, FieldErrorCode[]>>
}

type FieldErrors = Record<string, readonly { code: FieldErrorCode }[]>

const pairsOf = (fields: FieldErrors, separator: string) =>
  Object.entries(fields).flatMap(([name, errors]) => errors.map(({ code }) => `${name}${separator}${code}`))

/** Returns the header with the codes of fields: `password=too-short, password=numeric`. */
export function errorCodesHeader(fields: FieldErrors): { 'Error-Codes': string } {
  return { 'Error-Codes': pairsOf(fields, '=').join(', ') }
}

/** Returns the parameter `error` of a URL: `password.too-short,password.numeric`, or the code of the whole form. */
export function errorParameter(errors: FieldErrors | WholeFormErrorCode): string {
  return typeof errors === 'string' ? errors : pairsOf(errors, '.').join(',')
}

const isFieldErrorCode = (code: string): code is FieldErrorCode =>
  (fieldErrorCodes as readonly string[]).includes(code)

/**
 * Parses the header `Error-Codes` or the parameter `error`, which may be repeated. Drops unknown codes, so that a URL cannot put text
 * into a page. An error of a field that is not `shown` becomes `refused`, unless the form has an error already.
 */
export function parseFormErrors<Field extends string>(
  text: string | string[] | null | undefined,
  shown: readonly Field[],
): FormErrors<Field> {
  const errors: FormErrors<Field> = { fields: {} }
  for (const item of new Set([text ?? []].flat().flatMap((one) => one.split(/, ?/)))) {
    const [name = '', code] = item.split(/[=.]/)
    const field = shown.find((one) => one === name)
    if (code === undefined) {
      if (isWholeFormErrorCode(name)) errors.form ??= name
    } else if (isFieldErrorCode(code)) {
      if (field === undefined) errors.form ??= 'refused'
      else (errors.fields[field] ??= []).push(code)
    }
  }
  return errors
}
