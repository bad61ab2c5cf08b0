import { readdirSync } from 'node:fs'

/** Removes `--users` from `args` and returns its value. @param {string[]} args @returns {string | undefined} @throws Error if unknown */
export function takeUsersOption(args) {
  const at = args.findIndex((arg) => arg === '--users' || arg.startsWith('--users='))
  if (at === -1) return undefined
  const isOneWord = args[at] !== '--users'
  const [option = '', next = ''] = args.splice(at, isOneWord ? 1 : 2)
  const product = isOneWord ? option.slice('--users='.length) : next
  const products = productsOfDemos()
  if (products.includes(product)) return product
  throw new Error(`There is no demo with the users of "${product}": --users takes ${products.join(' or ')}.`)
}

function productsOfDemos() {
  return readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.sql'))
    .map((name) => name.replace(/\.sql$/, ''))
    .sort()
}
