import { readdirSync } from 'node:fs'

/**
 * Removes `--users <product>` or `--users=<product>` from a command's arguments, and returns the product.
 *
 * @param {string[]} args the option is removed from them
 * @returns {string | undefined} the product; undefined without the option
 * @throws Error that names the known products, if the given one is not among them
 */
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

/** Returns the names of the products whose schema is in this folder. */
function productsOfDemos() {
  return readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.sql'))
    .map((name) => name.replace(/\.sql$/, ''))
    .sort()
}
