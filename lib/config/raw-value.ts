const quoted = /^(?:'.*'|".*"|`.*`)$/u

/** Placeholders of a shell, Docker Compose or a template engine: `$(…)`, `${NAME}`, `{{ name }}`. */
const unexpanded = /\$\([^)]*\)|\$\{[A-Za-z_]\w*(?:[:?+-][^}]*)?\}|\{\{.*\}\}/u

/**
 * Checks the raw text of a setting. Some tools, such as `docker run --env-file`, pass quotes and placeholders on unchanged.
 *
 * @returns what to write, never quoting the value; undefined if nothing is wrong
 */
export function rawValueProblem(value: string): string | undefined {
  if (!/^[^\p{Cc}\u2028\u2029]+$/u.test(value)) {
    return 'write one line of text, without line ends, tabs and other control characters'
  }
  if (value !== value.trim()) return 'write it without white space before and after it'
  if (quoted.test(value)) return 'write it without quotes: here they become a part of the value'
  if (unexpanded.test(value)) {
    return 'write the value itself: a $(command), ${NAME} or {{ name }} in it was not replaced by its value'
  }
  return undefined
}
