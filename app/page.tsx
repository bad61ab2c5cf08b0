import { notFound, redirect } from 'next/navigation'
import { services } from '@/services'
import { routeInLanguage, visitorLanguage } from '@/app/i18n/request'

export default async function StartPage() {
  if (!services().settings.reset.enabled) notFound()
  redirect(await routeInLanguage('/forgot-password/', await visitorLanguage()))
}
