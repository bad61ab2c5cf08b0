/** The command prints the message and exits with 2. */
export class Mistake extends Error {}

export function noAccount(login: string): Mistake {
  return new Mistake(`There is no account ${JSON.stringify(login)}.`)
}
