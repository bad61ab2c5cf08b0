// The health check of a container: the exit code is 0 if the web process responds with success.
import { basePathOf } from './base-path.js'

const port = process.env.PORT || '3000'
try {
  const response = await fetch(
    `http://127.0.0.1:${port}${basePathOf(process.env.PUBLIC_URL)}/api/health/live`,
    {
      signal: AbortSignal.timeout(4000),
    },
  )
  process.exitCode = response.ok ? 0 : 1
} catch {
  process.exitCode = 1
}
