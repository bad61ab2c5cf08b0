// The health check of a container: exit code 0 if the web process in it responds. Sends a request to the container's own
// loopback address, with the path of PUBLIC_URL, under which everything is served.
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
