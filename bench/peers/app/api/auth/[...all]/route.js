import { toNextJsHandler } from 'better-auth/next-js'
import { auth } from '../../../../better-auth.js'

export const { GET, POST } = toNextJsHandler(auth)
