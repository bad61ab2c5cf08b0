import { cancelReset } from './cancel-reset'
import { completeReset } from './complete-reset'
import { inspectCancelLink, inspectLink } from './inspect-link'
import type { ResetDependencies } from './reset-dependencies'
import { requestLink } from './request-link'

export type PasswordReset = ReturnType<typeof createPasswordReset>

/** The use cases of pages and handlers, with their dependencies. Those of the worker are in `send-emails.ts`. */
export function createPasswordReset(parts: ResetDependencies) {
  return {
    requestLink: requestLink.bind(null, parts),
    inspectLink: inspectLink.bind(null, parts),
    completeReset: completeReset.bind(null, parts),
    inspectCancelLink: inspectCancelLink.bind(null, parts),
    cancelReset: cancelReset.bind(null, parts),
  }
}
