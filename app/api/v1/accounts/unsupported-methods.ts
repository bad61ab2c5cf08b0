import { handleUnsupportedMethod } from '@/lib/http/handler'
import { services } from '@/services'

function notAllowed(request: Request): Response {
  return handleUnsupportedMethod(services(), request)
}

export { notAllowed as DELETE, notAllowed as GET, notAllowed as HEAD, notAllowed as PATCH, notAllowed as PUT }
