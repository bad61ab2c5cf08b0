import {
  fieldErrorCodes,
  isWholeFormErrorCode,
  type FieldErrorCode,
  type WholeFormErrorCode,
} from './error-codes'

// Passes error codes to a page. Its script finds the codes of fields in the header `Error-Codes`. Without JavaScript, all codes are in
// the URL of the page. The codes contain no user input. The page shows the message of each code.

/** The errors of a submitted form: of the form as a whole, of its fields, or both. */
export type FormErrors<Field extends string = string> = {
  form?: WholeFormErrorCode
  fields: Partial<Record<Field, FieldErrorCode[]>>
}

type FieldErrors = Record<string, readonly { code: FieldErrorCode }[]>

/** Formats each error as the field's name, the separator and the code, in the order of the fields. */
const pairsOf = (fields: FieldErrors, separator: string) =>
  Object.entries(fields).flatMap(([name, errors]) => errors.map(({ code }) => `${name}${separator}${code}`))

/** Returns the header with the codes of field errors: `password=too-short, password=numeric`. */
export function errorCodesHeader(fields: FieldErrors): { 'Error-Codes': string } {
  return { 'Error-Codes': pairsOf(fields, '=').join(', ') }
}

/** Returns the value for the parameter `error` of a page's URL: `password.too-short,password.numeric`, or the code for the whole form. */
export function errorParameter(errors: FieldErrors | WholeFormErrorCode): string {
  return typeof errors === 'string' ? errors : pairsOf(errors, '.').join(',')
}

const isFieldErrorCode = (code: string): code is FieldErrorCode =>
  (fieldErrorCodes as readonly string[]).includes(code)

/**
 * Parses the header `Error-Codes` or the parameter `error`. Drops unknown codes, so that a URL cannot put text into a page. An error of
 * a field that the form does not show becomes `refused` for the whole form.
 *
 * @param text the value; a list if the parameter is repeated
 * @param shown the names of the fields that the form shows
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
