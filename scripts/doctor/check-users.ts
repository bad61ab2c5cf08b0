import type { UsersMapping } from '@/lib/accounts/users-table'
import type { Settings } from '@/lib/config/settings'
import { openDatabase } from '@/lib/database/pool'
import { createLog } from '@/lib/logging/log'
import { inspectUsersTable } from '@/lib/setup/users-table'
import { ok, trouble, warning, type Finding } from './finding'

export async function checkUsers(
  { database: settings, usersTableProof }: Settings,
  mapping: UsersMapping | undefined,
): Promise<Finding[]> {
  if (mapping === undefined) return [ok('users', 'Accounts are in Rekey’s own table.')]
  const database = openDatabase({ ...settings, poolSize: 1 }, createLog('silent', 'doctor'))
  try {
    const { problems, warnings, isProven } = await inspectUsersTable(database, mapping)
    const found = [
      ...problems.map((problem) => trouble('users', problem, 'npm run accounts -- check')),
      ...warnings.map((sentence) => warning('users', sentence)),
    ]
    if (problems.length > 0) return found
    if (isProven) return [...found, ok('users', 'The mapping fits, and a password was verified with it.')]
    const unproven = usersTableProof === 'required' ? trouble : warning
    return [
      ...found,
      unproven(
        'users',
        'No password was verified with this mapping.',
        'npm run accounts -- check LOGIN --password-stdin',
      ),
    ]
  } finally {
    await database.close()
  }
}
