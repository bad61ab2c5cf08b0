import type pg from 'pg'

const severities: Record<string, string> = { ERROR: 'FEHLER', FATAL: 'FATAL', PANIC: 'PANIK' }

/** Makes the new connections of a pool report the severity of errors as a server with German messages does. */
export function reportErrorsInGerman(pool: pg.Pool): void {
  pool.on('connect', (client) => {
    const { connection } = client as unknown as { connection: NodeJS.EventEmitter }
    connection.prependListener('errorMessage', (error: { severity: string }) => {
      error.severity = severities[error.severity]!
    })
  })
}
