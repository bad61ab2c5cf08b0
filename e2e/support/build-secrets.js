import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** Settings in the environment while `npm test` builds the app. No build may contain them (K3). */
export const buildSecrets = {
  SECRET_KEY: 'Q7mJ2vXc9TzRk4WbN8sLpHdG3fUaEoYi5Q7mJ2vXc9T',
  SMTP_URL: 'smtps://mail:Hd83kQz7LwX2mVb9TcR4@mail.example.com',
  DATABASE_URL: 'postgresql://rekey:Zp5nYt6GsJ4aWq8KxE3u@db.example.com/rekey',
}

/** Contains the id of the build that was made with these settings. */
const stamp = '.next/.made-with-secrets'
const buildId = () => readFileSync('.next/BUILD_ID', 'utf8')

export const isMadeWithSecrets = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === buildId()
export const noteMadeWithSecrets = () => writeFileSync(stamp, buildId())
