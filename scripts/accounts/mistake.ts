/** An error in the operator's input: the command prints its message without a stack, and exits with 2. */
export class Mistake extends Error {}

export function noAccount(login: string): Mistake {
  return new Mistake(`There is no account ${JSON.stringify(login)}.`)
}
