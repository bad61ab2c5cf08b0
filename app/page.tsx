import { notFound, redirect } from 'next/navigation'
import { services } from '@/services'
import { redirectPathInLanguage, visitorLanguage } from '@/app/i18n/request'

export default async function StartPage() {
  if (!services().settings.reset.enabled) notFound()
  redirect(await redirectPathInLanguage('/forgot-password/', await visitorLanguage()))
}
