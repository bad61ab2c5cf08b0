import { mayReset, type Account } from '@/lib/accounts/accounts'
import type { ResetParts } from './refuse'

/** The accounts that a login names and that may reset, by the team's own rule where there is one. */
export async function findAccounts(
  { accounts, settings, configuration }: Pick<ResetParts, 'accounts' | 'settings' | 'configuration'>,
  login: string,
): Promise<Account[]> {
  const find = configuration.findAccounts ?? ((text, fields, findByLogin) => findByLogin(text, fields))
  return (await find(login, settings.reset.loginFields, accounts.findByLogin)).filter(mayReset)
}
