import { z } from 'zod'
import type { Settings } from '@/lib/config/settings'
import { doctorToken, proxiesPath } from '@/server/http/proxies-endpoint'
import { ok, trouble, warning, type Finding } from './finding'

const proxyCount = z.object({ forwarded: z.int(), trustedProxyHops: z.int() })

/** Checks that PUBLIC_URL reaches this installation, through as many proxies as TRUSTED_PROXY_HOPS says. */
export async function checkPublicUrl({ publicUrl, secrets }: Settings): Promise<Finding[]> {
  let response: Response
  try {
    response = await fetch(`${publicUrl}${proxiesPath}`, {
      headers: { Authorization: `Bearer ${doctorToken(secrets[0])}` },
      redirect: 'manual',
      signal: AbortSignal.timeout(8_000),
    })
  } catch (error) {
    const { code = 'no answer' } = ((error as Error).cause ?? {}) as { code?: string }
    return [
      trouble(
        'address',
        `${publicUrl} is not reached from this machine (${code}).`,
        'Check PUBLIC_URL, its DNS record, the certificate of the proxy in front, and whether Rekey runs.',
      ),
    ]
  }
  const { success, data } = proxyCount.safeParse(await response.json().catch(() => undefined))
  if (!success)
    return [
      trouble(
        'address',
        `${publicUrl} answers ${response.status}, but not as this installation.`,
        'Another service answers, a proxy refuses or strips the path, or SECRET_KEY here is not the one there.',
      ),
    ]
  return [ok('address', `${publicUrl} is reached.`), proxyFinding(data)]
}

function proxyFinding({ forwarded, trustedProxyHops }: z.infer<typeof proxyCount>): Finding {
  if (forwarded === trustedProxyHops)
    return ok('address.proxies', `Proxies in front: ${forwarded}, as TRUSTED_PROXY_HOPS says.`)
  const message = `X-Forwarded-For names ${forwarded} address${forwarded === 1 ? '' : 'es'}, and TRUSTED_PROXY_HOPS is ${trustedProxyHops}.`
  if (forwarded < trustedProxyHops)
    return trouble(
      'address.proxies',
      message,
      'Lower TRUSTED_PROXY_HOPS, or let each proxy append to the header: clients can fake their address.',
    )
  return trustedProxyHops === 0
    ? trouble(
        'address.proxies',
        message,
        `Set TRUSTED_PROXY_HOPS=${forwarded}: all people count as one client.`,
      )
    : warning('address.proxies', message, `Set TRUSTED_PROXY_HOPS=${forwarded}, if all of them are yours.`)
}
