import type { SignedState } from '@/lib/accounts/account'
import { createLinkSigner, type LinkSigner } from '@/lib/password-reset/reset-link'

export const exampleSecret = 'w7Jm2QpX9vRkT4cYbN8sLzHdG3fUaEoWi5'
export const exampleId = '019a0c5e-7c3b-7d2a-9f10-2b6f0f8e7a11'
export const requestedAt = 1_790_000_000
export const exampleState: SignedState = {
  passwordHash: '$argon2id$v=19$one',
  email: 'ada@example.com',
  isActive: true,
  linksEpoch: 0,
}

export const createExampleSigner = (
  options: Partial<Parameters<typeof createLinkSigner>[0]> = {},
): LinkSigner =>
  createLinkSigner({
    secrets: [exampleSecret],
    audience: 'https://id.example.com',
    period: { reset: 3600, cancel: 3600, 'cancel-change': 86_400 },
    oneTimeUse: true,
    ...options,
  })

export const secondsAfterRequest = (seconds: number) => new Date((requestedAt + seconds) * 1000)
