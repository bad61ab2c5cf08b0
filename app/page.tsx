import { notFound, redirect } from 'next/navigation'
import { services } from '@/lib/services'
import { keepLanguage, visitorLanguage } from './words'

export default async function StartPage() {
  if (!services().settings.reset.enabled) notFound()
  redirect(await keepLanguage('/forgot-password/', await visitorLanguage()))
}
