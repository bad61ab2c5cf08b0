import { readSettings } from '@/lib/config/settings'
import { requiredSettings } from './required-settings'

export function readMailSettings(env: Record<string, string>) {
  return readSettings({ ...requiredSettings, ...env }).mail
}
