/** An error in the operator's input: its message is printed without a stack, and the command exits with 2. */
export class Mistake extends Error {}

export function noAccount(login: string): Mistake {
  return new Mistake(`There is no account ${JSON.stringify(login)}.`)
}
