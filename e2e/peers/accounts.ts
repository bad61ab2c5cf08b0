import { randomBytes } from 'node:crypto'
import { newPassword } from '@/e2e/support/running-app'
import type { Product } from './product'

/** An account that may reset its password. */
export type Account = { id: string; username: string; email: string; password: string }

/** The accounts of a product in one schema: its own code makes their passwords and signs in with them. */
export type Accounts = {
  product: Product
  add(): Promise<Account>
  /** Adds an account for each reason why it has no password of its own. Returns their email addresses by reason. */
  addWithoutPassword(): Promise<Record<string, string>>
  /** The SQL assignment that disables an account; undefined where the product cannot disable one. */
  disabling?: string
  signsIn(account: Account, password: string): Promise<boolean>
}

export const tag = () => randomBytes(6).toString('hex')

export const newAccount = () => {
  const username = `user_${tag()}`
  return { username, email: `${username}@example.com`, password: newPassword() }
}
