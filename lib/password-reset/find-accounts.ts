import { mayReset, type Account } from '@/lib/accounts/account'
import type { AccountStore } from '@/lib/accounts/account-store'
import type { ResetParts } from './reset-parts'

/**
 * The accounts that a login names and that may reset, by the team's own rule where there is one.
 *
 * @param choose which of an address's accounts; those on turn unless told
 */
export async function findAccounts(
  {
    accounts,
    limits,
    settings,
    configuration,
  }: Pick<ResetParts, 'accounts' | 'limits' | 'settings' | 'configuration'>,
  login: string,
  choose: (ids: string[]) => string[] = limits.chooseOnTurn,
): Promise<Account[]> {
  const find = configuration.findAccounts ?? ((text, fields, findByLogin) => findByLogin(text, fields))
  const findByLogin: AccountStore['findByLogin'] = (text, fields) =>
    accounts.findByLogin(text, fields, choose)
  return (await find(login, settings.reset.loginFields, findByLogin)).filter(mayReset)
}
