import type { Settings } from './settings'
import { mailWarnings } from './mail'

/** Returns warnings about settings that have no effect, are risky or are probably wrong. */
export function settingsWarnings(settings: Settings): string[] {
  const warnings = [...settings.ignored]
  if (settings.reset.failWhenUserNotFound) {
    warnings.push('RESET_PASSWORD_FAIL_WHEN_USER_NOT_FOUND=true reveals to anyone which accounts exist.')
  }
  if (!settings.reset.oneTimeUse) {
    warnings.push(
      'RESET_PASSWORD_VERIFICATION_ONE_TIME_USE=false lets anyone who finds a used email set the password again until the link expires.',
    )
  }
  const { resetsPerClient, attemptsPerLink } = settings.limits
  if (resetsPerClient.count > 100 || attemptsPerLink.count > 100) {
    warnings.push(
      'LIMIT_RESETS_PER_CLIENT or LIMIT_ATTEMPTS_PER_LINK lets one client fail more than 100 times in a row (NIST SP 800-63B-4 §3.2.2).',
    )
  }
  if (settings.trustedProxyHops > 0 && [undefined, '0.0.0.0', '::'].includes(settings.host)) {
    warnings.push(
      'TRUSTED_PROXY_HOPS is set and HOST opens the port on all addresses: anyone who reaches the port directly can fake their client IP. Let only the proxy reach the port, and set HOST to the address that the proxy uses.',
    )
  }
  if (settings.mode === 'production' && settings.branding.supportEmail === undefined) {
    warnings.push('SUPPORT_EMAIL is not set: emails cannot say whom to contact.')
  }
  return [...warnings, ...mailWarnings(settings.mail)]
}
