// The entry point of `@zxcvbn-ts/language-common` also loads the list of 50 000 passwords, which a browser should not load.

declare module '@zxcvbn-ts/language-common/dist/adjacencyGraphs.json.mjs' {
  import type { adjacencyGraphs } from '@zxcvbn-ts/language-common'
  const graphs: typeof adjacencyGraphs
  export default graphs
}

declare module '@zxcvbn-ts/language-common/dist/diceware.json.mjs' {
  const words: string[]
  export default words
}
