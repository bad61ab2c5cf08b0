import { redirect } from 'next/navigation'
import type { Query } from './problems'
import { chosenLanguage, keepLanguage, visitorLanguage } from './words'

export default async function StartPage({ searchParams }: { searchParams: Promise<Query> }) {
  redirect(await keepLanguage('/forgot-password/', await visitorLanguage(chosenLanguage(await searchParams))))
}
