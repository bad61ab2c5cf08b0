import type { CounterLabels } from '@/lib/metrics/catalogue'
import { count } from '@/lib/metrics/count'
import { cancelReset } from './cancel-reset'
import { completeReset } from './complete-reset'
import { inspectCancelLink, inspectLink } from './inspect-link'
import type { LinkStatus } from './reset-link'
import type { ResetDependencies } from './reset-dependencies'
import { requestLink } from './request-link'

export type PasswordReset = ReturnType<typeof createPasswordReset>

/** Creates the use cases, and counts their outcomes for the metrics. */
export function createPasswordReset(parts: ResetDependencies) {
  return {
    requestLink: counting(requestLink.bind(null, parts), (outcome) => {
      const code = outcome.ok ? 'accepted' : outcome.code
      count('requests', { outcome: code })
      if (code === 'not-genuine') count('bad_signatures', { at: 'request' })
    }),
    inspectLink: counting(inspectLink.bind(null, parts), ({ state }) => countInspected('reset', state)),
    completeReset: counting(completeReset.bind(null, parts), (outcome) => {
      const code = outcome.ok ? 'changed' : outcome.code
      count('resets', { outcome: code })
      if (code === 'signature-invalid') count('bad_signatures', { at: 'reset' })
    }),
    inspectCancelLink: counting(inspectCancelLink.bind(null, parts), ({ state }) =>
      countInspected('cancel', state),
    ),
    cancelReset: counting(cancelReset.bind(null, parts), (outcome) => {
      const code = outcome.ok ? 'cancelled' : outcome.code
      // Cancelling needs neither a second factor nor a hash, so the codes about these cannot occur.
      count('cancels', { outcome: code as CounterLabels<'cancels'>['outcome'] })
      if (code === 'signature-invalid') count('bad_signatures', { at: 'cancel' })
    }),
  }
}

function countInspected(purpose: 'reset' | 'cancel', outcome: LinkStatus): void {
  count('links_inspected', { purpose, outcome })
  if (outcome === 'signature-invalid') count('bad_signatures', { at: 'inspect' })
}

function counting<Input, Outcome>(
  useCase: (input: Input) => Promise<Outcome>,
  note: (outcome: Outcome) => void,
) {
  return async (input: Input): Promise<Outcome> => {
    const outcome = await useCase(input)
    note(outcome)
    return outcome
  }
}
