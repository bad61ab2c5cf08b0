import { buttonLook } from '@/components/button'
import { Frame } from '@/components/frame'
import type { Query } from '../../problems'
import { chosenLanguage, keepLanguage, visitorLanguage } from '../../words'
import { SentNotice } from '../sent-notice'
import { sentWords } from '../sent-words'

/** "Check your email" as a page of its own: without JavaScript, after a reload, and after renewing a dead link. */
export default async function SentPage({ searchParams }: { searchParams: Promise<Query> }) {
  const language = await visitorLanguage(chosenLanguage(await searchParams))
  const words = await sentWords(language)
  return (
    <Frame language={language} title={words.title} step={2} menu={{ path: '/forgot-password/sent/' }}>
      <SentNotice words={words}>
        <a className={buttonLook('quiet')} href={await keepLanguage('/forgot-password/', language)}>
          {words.change}
        </a>
      </SentNotice>
    </Frame>
  )
}
