import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/**
 * Settings that stand in the environment while `npm test` builds the app, as they do where images are made on a machine
 * that also runs it. No build may hold them (K3).
 */
export const buildSecrets = {
  SECRET_KEY: 'Q7mJ2vXc9TzRk4WbN8sLpHdG3fUaEoYi5Q7mJ2vXc9T',
  SMTP_URL: 'smtps://mail:Hd83kQz7LwX2mVb9TcR4@mail.example.com',
  DATABASE_URL: 'postgresql://rekey:Zp5nYt6GsJ4aWq8KxE3u@db.example.com/rekey',
}

/** Stands beside the build that was made with them, and names it. */
const stamp = '.next/.made-with-secrets'
const buildId = () => readFileSync('.next/BUILD_ID', 'utf8')

export const isMadeWithSecrets = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === buildId()
export const noteMadeWithSecrets = () => writeFileSync(stamp, buildId())
