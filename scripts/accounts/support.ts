import { isResettable, signInName, type Account } from '@/lib/accounts/account'
import type { AccountStore } from '@/lib/accounts/account-store'
import { clientKey, unknownClient } from '@/lib/addresses/client-ip'
import type { AuditLog } from '@/lib/audit/audit'
import { readLinkPeriod } from '@/lib/config/command-settings'
import { readSettings } from '@/lib/config/settings'
import type { Database } from '@/lib/database/pool'
import { createQueue } from '@/lib/queue/queue'
import { createRecoveryStore } from '@/lib/recovery/recovery-store'
import {
  cancelLinks,
  liftAccountLimits,
  liftClientLimits,
  AccountNotResettable,
  createPrintedLink,
  queueLinkRequest,
} from '@/lib/support/support-desk'
import { requestsOfAccount, type FoundRequest, type RequestStep } from '@/lib/support/requests-of-account'
import { describeAuditEntry } from '@/lib/support/audit-text'
import configuration from '@/rekey.config'
import { describeRequestOutcome } from '@/scripts/check-users'
import { escapeForTerminal } from '@/scripts/escape-for-terminal'
import { createServices } from '@/services'
import { Mistake, noAccount } from './mistake'
import { printTable } from './print-table'

type Parts = { accounts: AccountStore; audit: AuditLog; database: Database }

/** Finds the one account with this username, else with this email address. @throws Mistake if there are none or several */
export async function findAccount(accounts: AccountStore, login: string): Promise<Account> {
  const named = await accounts.findOne(login)
  if (named !== null) return named
  const sameName = (await accounts.findByLogin(login, ['username'])).filter(
    ({ username }) => username === login,
  )
  if (sameName.length > 1)
    throw new Mistake(
      `${sameName.length} accounts have the username ${JSON.stringify(login)}: name one by an address that no other has.`,
    )
  const [id, ...others] = await accounts.findIdsByEmail(login, false)
  if (id === undefined) throw noAccount(login)
  if (others.length > 0)
    throw new Mistake(
      `${others.length + 1} accounts have the address ${JSON.stringify(login)}: name one by its username.`,
    )
  const { account } = await accounts.read(id)
  if (account === null) throw noAccount(login)
  return account
}

/** Validates the value of `--as`, a name for the audit log. @throws Mistake if it is invalid */
export function readActor(value: string | undefined): string {
  const actor = value?.trim() ?? ''
  if (!/^[^\p{Cc}\p{Cf}]{1,64}$/u.test(actor))
    throw new Mistake('Say who does this: --as NAME, 1 to 64 characters. The audit log stores the name.')
  return actor
}

/** @throws Mistake if the account may not be reset */
export async function sendLinkCommand(
  { audit, database }: Parts,
  account: Account,
  actor: string,
): Promise<void> {
  requireResettable(account)
  await queueLinkRequest({ audit, database, queue: createQueue(database) }, account, actor)
  console.log(`Queued an email with a link for ${escapeForTerminal(signInName(account))}.`)
  console.log('`npm run accounts -- requests` shows whether it leaves.')
}

/** @throws Mistake if the account may not be reset, or if the output is no terminal and `force` is false */
export async function printLinkCommand(account: Account, actor: string, force: boolean): Promise<void> {
  if (!process.stdout.isTTY && !force)
    throw new Mistake('The link would go into a file or a pipe, where it stays. Use a terminal, or --force.')
  requireResettable(account)
  await withServices(async (services) => {
    const { buildVerificationUrl: buildUrl } = configuration
    const { url, expiresAt } = await createPrintedLink({ ...services, buildUrl }, account, actor)
    const signIn = escapeForTerminal(signInName(account))
    console.error(
      `This link sets the password of ${signIn}. Give it only to a person whose identity you verified.`,
    )
    const use = services.settings.reset.oneTimeUse ? 'once, ' : ''
    console.error(`It works ${use}until ${formatInstant(expiresAt)}.`)
    console.log(url)
  })
}

export async function cancelLinksCommand(
  { accounts, audit, database }: Parts,
  account: Account,
  actor: string,
) {
  const recovery = createRecoveryStore(database, accounts.identity)
  const dropped = await cancelLinks({ audit, database, recovery }, account, actor)
  console.log(`All links of ${escapeForTerminal(signInName(account))} are invalid.`)
  if (dropped > 0) console.log(`Dropped ${dropped} email(s) with a link that had not left yet.`)
}

/** @throws Mistake if `client` is no IP address */
export async function liftLimitCommand(target: Account | { client: string }, actor: string): Promise<void> {
  await withServices(async (services) => {
    if (!('client' in target)) {
      await liftAccountLimits(services, target, actor)
      console.log(
        `The limits of ${escapeForTerminal(signInName(target))} are lifted: the next email may leave at once.`,
      )
      return
    }
    if (clientKey(target.client) === unknownClient)
      throw new Mistake(`${JSON.stringify(target.client)} is not an IP address.`)
    await liftClientLimits(services, target.client, actor)
    console.log(`The limits of the client ${target.client} are lifted.`)
  })
}

export async function requestsCommand({ audit, database }: Parts, account: Account): Promise<void> {
  const period = readLinkPeriod(process.env)
  const since = new Date(Date.now() - period * 1000)
  const requests = await requestsOfAccount({ audit, database }, account, since)
  if (!isResettable(account)) console.log(`Note: ${describeRequestOutcome(account)}.`)
  if (requests.length === 0) return console.log(`No link was requested since ${formatInstant(since)}.`)
  for (const request of requests) printRequest(request, period)
}

export async function historyCommand({ audit }: Parts, account: Account): Promise<void> {
  const rows = (await audit.history(account.id)).map((line) => ({
    time: formatInstant(line.at),
    event: describeAuditEntry(line),
    by: line.actor ?? '',
    from: line.client ?? '',
    request: line.requestId ?? '',
  }))
  printTable(rows, 'Nothing is recorded about this account.')
}

const steps: Record<RequestStep['step'], string> = {
  requested: 'requested',
  printed: 'a link was printed',
  'waiting-for-worker': 'waits: no worker has taken the request yet',
  queued: 'the email was queued',
  sent: 'the mail server accepted the email',
  deferred: 'could not be sent yet; next attempt',
  held: 'no email',
  failed: 'the email failed for good',
  cancelled: 'the email was cancelled',
  opened: 'the link was opened, by a person or a mail scanner',
  changed: 'the password was changed',
}

function printRequest({ requestId, requestedAt, steps: taken }: FoundRequest, period: number): void {
  const isPrinted = taken.some(({ step }) => step === 'printed')
  const expires = isPrinted
    ? ''
    : `, its link lives until ${formatInstant(new Date(requestedAt.getTime() + period * 1000))}`
  console.log(`Request ${escapeForTerminal(requestId)}${expires}`)
  for (const { at, step, detail, client, actor } of taken) {
    const facts = [detail, client && `from ${client}`, actor && `by ${actor}`].filter(Boolean).join(', ')
    console.log(`  ${formatInstant(at)}  ${steps[step]}${facts && escapeForTerminal(` (${facts})`)}`)
  }
}

function formatInstant(instant: Date): string {
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' }).format(instant)
}

function requireResettable(account: Account): void {
  if (!isResettable(account)) throw new Mistake(`${signInName(account)}: ${describeRequestOutcome(account)}.`)
}

/** @throws SettingsError if a setting is invalid; Mistake if the account may not be reset */
async function withServices(
  act: (services: ReturnType<typeof createServices>) => Promise<void>,
): Promise<void> {
  // Log lines would mix with the command's output.
  const services = createServices(readSettings({ ...process.env, LOG_LEVEL: 'fatal' }))
  try {
    await act(services)
  } catch (error) {
    if (error instanceof AccountNotResettable) throw new Mistake(`${describeRequestOutcome(error.account)}.`)
    throw error
  } finally {
    await services.database.close()
  }
}
