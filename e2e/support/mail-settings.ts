import { readSettings } from '@/lib/config/settings'

/** The mail settings that Rekey reads from these environment variables and defaults for the required ones. */
export function readMailSettings(env: Record<string, string>) {
  return readSettings({
    SECRET_KEY: 'Vb2kQ9xT7mL4cR8wZ1pN6sJ3hF5gD0yA',
    DATABASE_URL: 'postgresql://rekey@127.0.0.1/rekey',
    PUBLIC_URL: 'https://id.example.com',
    SMTP_URL: 'smtp://mail.example.com',
    VERIFICATION_FROM_EMAIL: 'no-reply@example.com',
    ...env,
  }).mail
}
