import type { AccountStore } from '@/lib/accounts/account-store'
import type { createOwnAccounts } from '@/lib/accounts/adapters/own-table'
import { mayBeMailed, needsSmtpUtf8, smtpAddress } from '@/lib/addresses/email-address'
import { isLanguage, languages } from '@/lib/i18n/locales'
import { Mistake, noAccount } from './mistake'
import { printTable } from './print-table'

/** More accounts could fill the memory. */
const mostListed = 10_000

type OwnAccounts = ReturnType<typeof createOwnAccounts>

type NewAccount = {
  username: string
  email: string
  firstName: string
  lastName: string
  locale: string | null
  isActive: boolean
  passwordHash: string | null
}

/** Adds an account to Rekey's own table. @throws Mistake if a value is invalid; UsernameTaken */
export async function addAccount(accounts: OwnAccounts, account: NewAccount): Promise<void> {
  const { username, email, locale, passwordHash } = account
  if (username.trim() !== username || !/^[^\p{Cc}]{1,150}$/u.test(username)) {
    throw new Mistake('A username has 1 to 150 characters, no control characters and no outer spaces.')
  }
  if (email !== '' && !mayBeMailed(email))
    throw new Mistake(`No email could be sent to the address ${JSON.stringify(email)}.`)
  if (locale !== null && !isLanguage(locale))
    throw new Mistake(`The locale is one of ${languages.join(', ')}.`)
  const twins = email === '' ? [] : await accounts.findByLogin(email, ['email'])
  await accounts.add({ ...account, locale })
  console.log(`Added ${username}.`)
  if (twins.length > 0)
    console.error(`Note: ${twins.length} other account(s) have this address; each gets its own email.`)
  if (needsSmtpUtf8(smtpAddress(email) ?? ''))
    console.error('Note: this address gets email only if the mail server offers SMTPUTF8.')
  if (passwordHash === null) console.error('Note: it has no password, so it gets no reset emails.')
}

/** @throws Mistake if there is no such account */
export async function setActive(accounts: OwnAccounts, username: string, isActive: boolean): Promise<void> {
  if (!(await accounts.setActive(username, isActive))) throw noAccount(username)
  console.log(isActive ? `${username} is active.` : `${username} is inactive; its links are invalid.`)
}

export async function listAccounts(accounts: AccountStore): Promise<void> {
  const rows = (await accounts.list(mostListed)).map((account) => ({
    username: account.username,
    email: account.email,
    name: `${account.firstName} ${account.lastName}`.trim(),
    status: account.isActive ? 'active' : 'inactive',
    password:
      account.passwordHash === null ? 'none' : (account.passwordChangedAt?.toISOString() ?? 'never changed'),
    locale: account.locale ?? '',
  }))
  printTable(rows, 'There are no accounts.')
}
