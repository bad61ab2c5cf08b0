import { randomBytes } from 'node:crypto'
import { newPassword } from '@/e2e/support/running-app'
import type { Product } from './product'

/** An account that may reset its password. */
export type Account = { id: string; username: string; email: string; password: string }

/** The accounts of a product in one schema: its own code makes their passwords and signs in with them. */
export type Accounts = {
  product: Product
  add(): Promise<Account>
  /** Adds one for each way in which an account has no password of its own. Returns their addresses by the way. */
  addWithoutPassword(): Promise<Record<string, string>>
  /** What disables an account, as an assignment in SQL; undefined where the product knows no such thing. */
  disabling?: string
  signsIn(account: Account, password: string): Promise<boolean>
}

export const tag = () => randomBytes(6).toString('hex')

/** What is new about each account, but for its id. */
export const newAccount = () => {
  const username = `user_${tag()}`
  return { username, email: `${username}@example.com`, password: newPassword() }
}
