import { notFound, redirect } from 'next/navigation'
import { services } from '@/services'
import { pathForRedirect, visitorLanguage } from '@/app/i18n/request'

export default async function StartPage() {
  if (!services().settings.reset.enabled) notFound()
  redirect(await pathForRedirect('/forgot-password/', await visitorLanguage()))
}
