import { redirect } from 'next/navigation'
import { keepLanguage, visitorLanguage } from './words'

export default async function StartPage() {
  redirect(await keepLanguage('/forgot-password/', await visitorLanguage()))
}
