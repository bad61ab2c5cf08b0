import { randomBytes } from 'node:crypto'
import type { Services } from '@/services'

export const demoPeople = [
  { username: 'demo', email: 'demo@example.com', firstName: 'Dana', lastName: 'Moreno', locale: 'en' },
  { username: 'ada', email: 'ada@example.com', firstName: 'Ada', lastName: 'Lehmann', locale: 'de' },
]

/** Adds the demo's accounts with random passwords, unless they exist. */
export async function seed({ ownAccounts, hash }: Pick<Services, 'ownAccounts' | 'hash'>): Promise<void> {
  for (const person of demoPeople) {
    if ((await ownAccounts.findOne(person.username)) !== null) continue
    const passwordHash = await hash.hash(randomBytes(24).toString('base64url'))
    await ownAccounts.add({ ...person, passwordHash, isActive: true })
  }
}
