import { mayReset, type Account } from '@/lib/accounts/account'
import type { AccountStore } from '@/lib/accounts/account-store'
import type { ResetParts } from './reset-parts'

/**
 * Finds the accounts of a login that may reset, with the team's own function if there is one.
 *
 * @param choose selects among an address's accounts; those on turn by default
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
