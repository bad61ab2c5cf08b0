/** The settings that a start in production requires, with valid values. */
export const requiredSettings = {
  SECRET_KEY: 'w7Jm2QpX9vRkT4cYbN8sLzHdG3fUaEoWi5',
  DATABASE_URL: 'postgresql://rekey:Zr8k-2Lq@db.example.com/rekey',
  PUBLIC_URL: 'https://id.example.com',
  SMTP_URL: 'smtp://user:pass@mail.example.com:587',
  VERIFICATION_FROM_EMAIL: 'Example <no-reply@example.com>',
}
