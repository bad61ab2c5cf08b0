import { isResettable, type Account } from '@/lib/accounts/account'
import type { AccountStore } from '@/lib/accounts/account-store'
import type { ResetDependencies } from './reset-dependencies'

/** Finds the resettable accounts of a login. `choose` selects some of the ids of an email address's accounts. */
export async function findResettableAccounts(
  {
    accounts,
    limits,
    settings,
    configuration,
  }: Pick<ResetDependencies, 'accounts' | 'limits' | 'settings' | 'configuration'>,
  login: string,
  choose: (ids: string[]) => string[] = limits.chooseOnTurn,
): Promise<Account[]> {
  const find =
    configuration.findResettableAccounts ?? ((text, fields, findByLogin) => findByLogin(text, fields))
  const findByLogin: AccountStore['findByLogin'] = (text, fields) =>
    accounts.findByLogin(text, fields, choose)
  return (await find(login, settings.reset.loginFields, findByLogin)).filter(isResettable)
}
