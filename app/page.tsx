import { notFound, redirect } from 'next/navigation'
import { services } from '@/lib/services'
import { routeInLanguage, visitorLanguage } from './words'

export default async function StartPage() {
  if (!services().settings.reset.enabled) notFound()
  redirect(await routeInLanguage('/forgot-password/', await visitorLanguage()))
}
