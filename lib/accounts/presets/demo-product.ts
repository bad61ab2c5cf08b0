import { betterAuth } from '@/lib/accounts/presets/better-auth'
import { django } from '@/lib/accounts/presets/django'
import type { UsersMapping } from '@/lib/accounts/users-table'
import type { DemoProduct } from '@/lib/config/demo-product'

export function mappingOfDemoProduct(product: DemoProduct): UsersMapping {
  return product === 'django' ? django({ version: '5.2' }) : betterAuth()
}
