import { Resolver } from 'node:dns/promises'
import { parseArgs } from 'node:util'
import configuration from '@/rekey.config'
import { readSettings, SettingsError, type Settings } from '@/lib/config/settings'
import { settingsWarnings } from '@/lib/config/warnings'
import { checkPublicUrl } from './doctor/check-public-url'
import { checkDatabase } from './doctor/check-database'
import { checkMail } from './doctor/check-mail'
import { checkProcessesAndJobs } from './doctor/check-processes-and-jobs'
import { checkSender } from './doctor/check-sender'
import { checkUsers } from './doctor/check-users'
import { ok, runCheck, trouble, warning, type Finding } from './doctor/finding'
import { Mistake } from './accounts/mistake'
import { escapeForTerminal } from './escape-for-terminal'

const usage = `Usage: npm run doctor -- [options]

Checks settings, database, users mapping, queue, mail server, the sender's DNS records, and the public address.
Changes nothing, and sends nothing unless told to. Run it where Rekey runs, with the same settings.

  --json              the findings as JSON
  --send-to ADDRESS   sends one test email
  --resolver ADDRESS  asks this DNS server, such as 9.9.9.9 or 127.0.0.1:5300

Exit code: 0 without trouble (there may be warnings), 1 with trouble, 2 for wrong options.`

/** Milliseconds for one check. */
const patience = 20_000

async function main(): Promise<number> {
  const options = readOptions()
  const settings = parseSettings()
  const found =
    'problems' in settings
      ? settings.problems.map((problem) => trouble('settings', problem, 'Nothing else was checked.'))
      : await checkAll(settings, options)
  if (options.json) console.log(JSON.stringify({ status: worst(found), findings: found }))
  else for (const finding of found) console.log(lineOf(finding))
  return worst(found) === 'trouble' ? 1 : 0
}

type Options = { json: boolean; sendTo: string | undefined; resolver: Resolver }

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        'send-to': { type: 'string' },
        resolver: { type: 'string' },
      },
    })
    const resolver = new Resolver({ timeout: 2_000, tries: 2 })
    if (values.resolver !== undefined) resolver.setServers([values.resolver])
    return { json: values.json, sendTo: values['send-to'], resolver }
  } catch (error) {
    throw new Mistake(`${error instanceof Error ? error.message : error}\n\n${usage}`)
  }
}

function parseSettings(): Settings | { problems: string[] } {
  try {
    return readSettings(process.env)
  } catch (error) {
    if (error instanceof SettingsError) return { problems: error.problems }
    throw error
  }
}

async function checkAll(settings: Settings, { sendTo, resolver }: Options): Promise<Finding[]> {
  const { users, sendEmail } = configuration
  const checks: [string, () => Promise<Finding[]>][] = [
    ['database', () => checkDatabase(settings, users === undefined)],
    ['users', () => checkUsers(settings, users)],
    ['queue', () => checkProcessesAndJobs(settings)],
    ['mail', () => checkMail(settings, { sendsItself: sendEmail !== undefined, sendTo })],
    ['sender', () => checkSender(settings.mail.from, resolver)],
    ['address', () => checkPublicUrl(settings)],
  ]
  const results = await Promise.all(checks.map(([name, check]) => runCheck(name, patience, check)))
  const risks = settingsWarnings(settings).map((sentence) => warning('settings', sentence))
  return [ok('settings', 'All settings are valid, and the secrets are strong.'), ...risks, ...results.flat()]
}

function worst(found: Finding[]): Finding['status'] {
  return (
    (['trouble', 'warning'] as const).find((status) => found.some((one) => one.status === status)) ?? 'ok'
  )
}

function lineOf({ check, status, message, advice }: Finding): string {
  const word = status === 'trouble' ? 'TROUBLE' : status
  return escapeForTerminal(
    `${word.padEnd(8)} ${check.padEnd(20)} ${message}${advice === undefined ? '' : ` → ${advice}`}`,
  )
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Mistake ? error.message : 'The doctor itself failed.')
  process.exitCode = error instanceof Mistake ? 2 : 1
}
