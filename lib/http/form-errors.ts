import { fieldErrorCodes, isFormErrorCode, type FieldErrorCode, type FormErrorCode } from './error-codes'

// Error codes on their way to a page: in the header `Error-Codes`, or in its URL where a form was sent without
// JavaScript. Nothing typed travels with them, and the page has the messages.

/** What was wrong with a form that was sent: with it as a whole, with its fields, or with both. */
export type FormErrors<Field extends string = string> = {
  form?: FormErrorCode
  fields: Partial<Record<Field, FieldErrorCode[]>>
}

type FieldErrors = Record<string, readonly { code: FieldErrorCode }[]>

/** Every error as a field and a code, in the order of the fields; a `separator` stands between the two. */
const pairsOf = (fields: FieldErrors, separator: string) =>
  Object.entries(fields).flatMap(([name, errors]) => errors.map(({ code }) => `${name}${separator}${code}`))

/** The header that names the codes of field errors, in the order of the fields: `password=too-short, password=numeric`. */
export function errorCodesHeader(fields: FieldErrors): { 'Error-Codes': string } {
  return { 'Error-Codes': pairsOf(fields, '=').join(', ') }
}

/** The parameter `error` of a page's URL: `password.too-short,password.numeric`, or the code of the whole form. */
export function errorParameter(errors: FieldErrors | FormErrorCode): string {
  return typeof errors === 'string' ? errors : pairsOf(errors, '.').join(',')
}

const isFieldErrorCode = (code: string): code is FieldErrorCode =>
  (fieldErrorCodes as readonly string[]).includes(code)

/**
 * Parses what `errorCodesHeader` or `errorParameter` wrote. Codes that are not in the table are left out, so that a URL
 * cannot put words into a page; an error of a field that the form does not show is a refusal of the whole form.
 *
 * @param text a repeated parameter is a list
 * @param shown the fields of the form
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
      if (isFormErrorCode(name)) errors.form ??= name
    } else if (isFieldErrorCode(code)) {
      if (field === undefined) errors.form ??= 'refused'
      else (errors.fields[field] ??= []).push(code)
    }
  }
  return errors
}
