const quoted = /^(?:'.*'|".*"|`.*`)$/u

/** What a shell, Docker Compose or a template engine would have replaced: `$(…)`, `${NAME}`, `{{ name }}`. */
const unexpanded = /\$\([^)]*\)|\$\{[A-Za-z_]\w*(?:[:?+-][^}]*)?\}|\{\{.*\}\}/u

/**
 * What is wrong with the value of a setting as it arrived, whichever setting it is: what sets the environment differs in
 * whether it takes quotes away and replaces variables (`docker --env-file` does neither).
 *
 * @returns what to write, without any part of the value; undefined where nothing is wrong
 */
export function rawProblem(value: string): string | undefined {
  if (!/^[^\p{Cc}\u2028\u2029]+$/u.test(value)) {
    return 'write one line of text, without line ends, tabs and other control characters'
  }
  if (value !== value.trim()) return 'write it without white space before and after it'
  if (quoted.test(value)) return 'write it without quotes: what sets it here does not take them away'
  if (unexpanded.test(value)) {
    return 'write the value itself: a $(command), ${NAME} or {{ name }} in it was not replaced by its value'
  }
  return undefined
}
