import { readSettings } from '@/lib/config/settings'
import { requiredSettings } from './required-settings'

/** The mail settings that Rekey reads from these environment variables and the required ones. */
export function readMailSettings(env: Record<string, string>) {
  return readSettings({ ...requiredSettings, ...env }).mail
}
