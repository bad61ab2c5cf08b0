import { startEmbeddedDatabase } from '@/scripts/embedded-database/embedded-database'
import { serveOrders } from './orders'

const database = await startEmbeddedDatabase(process.argv[2]!)
serveOrders(async () => database.url)
