import { Body } from '@react-email/body'
import { Button } from '@react-email/button'
import { Column } from '@react-email/column'
import { Container } from '@react-email/container'
import { Head } from '@react-email/head'
import { Heading } from '@react-email/heading'
import { Hr } from '@react-email/hr'
import { Html } from '@react-email/html'
import { Link } from '@react-email/link'
import { render } from '@react-email/render'
import { Row } from '@react-email/row'
import { Section } from '@react-email/section'
import { Text } from '@react-email/text'
import { createContext, Fragment, useContext, type CSSProperties, type ReactNode } from 'react'
import { mailtoUri } from '@/lib/addresses/email-address'
import { directionOf } from '@/lib/i18n/locales'
import type { EmailAction, EmailBlock, EmailContent, EmailFact, Paragraph } from './content'
import { splitAtLinkCharacters, sanitizeShortLine, wordJoiner } from './untrusted-text'
import { createEmailTheme, frameWidth } from './theme'

/** The start and end of a table of fixed width for Outlook on Windows, which renders with Word and ignores `max-width`. */
const wordFrame = [
  `<!--[if mso]><table role="presentation" align="center" width="${frameWidth}" cellpadding="0" cellspacing="0" border="0" style="width:${frameWidth}px;table-layout:fixed"><tbody><tr><td><![endif]-->`,
  '<!--[if mso]></td></tr></tbody></table><![endif]-->',
] as const

export async function renderHtml(content: EmailContent): Promise<string> {
  const html = await render(<Page {...content} />)
  // Replace the doctype, which names an external host, and remove React's markers.
  return html
    .replace(/^<!DOCTYPE[^>]*>/i, '<!doctype html>')
    .replaceAll(/<!--(?:\/?\$| |html|head|body)-->/g, '')
    .replaceAll(/ cell(Padding|Spacing)="/g, (attribute) => attribute.toLowerCase())
    .replace(/(<div[^>]* role="main"[^>]*>)(.*)(<\/div>)/s, `$1${wordFrame[0]}$2${wordFrame[1]}$3`)
}

const EmailThemeContext = createContext(createEmailTheme())
const useStyles = () => useContext(EmailThemeContext).styles

function Page({
  language,
  subject,
  preview,
  appName,
  brandColor,
  title,
  greeting,
  blocks,
  footer,
}: EmailContent) {
  const dir = directionOf(language)
  const theme = createEmailTheme(brandColor)
  const styles = theme.styles
  return (
    <EmailThemeContext value={theme}>
      <Html lang={language} dir={dir}>
        <Head>
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <meta name="supported-color-schemes" content="light dark" />
          <meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no" />
          <title>{subject}</title>
          <style>{theme.sheet}</style>
        </Head>
        <Body className="rk-page" style={styles.page}>
          <Preview text={preview} />
          <div className="rk-page" role="main" aria-label={subject} lang={language} dir={dir}>
            <Container style={styles.frame}>
              <Text className="rk-strong" style={styles.brand}>
                {appName}
              </Text>
              <Section className="rk-card" style={styles.card}>
                <Row style={styles.held}>
                  <Column className="rk-pad" style={styles.pad}>
                    <Heading as="h1" className="rk-strong" style={styles.title}>
                      {title}
                    </Heading>
                    <Text className="rk-text" style={styles.text}>
                      {greeting}
                    </Text>
                    {blocks.map((block, index) => (
                      <Piece key={index} block={block} dir={dir} />
                    ))}
                  </Column>
                </Row>
              </Section>
              {footer.map((paragraph, index) => (
                <Words key={index} {...paragraph} className="rk-faint" style={styles.small} />
              ))}
            </Container>
          </div>
        </Body>
      </Html>
    </EmailThemeContext>
  )
}

function Piece({ block, dir }: { block: EmailBlock; dir: 'ltr' | 'rtl' }) {
  const styles = useStyles()
  switch (block.kind) {
    case 'paragraph':
      return <Words {...block} className="rk-text" style={styles.text} />
    case 'heading':
      return (
        <>
          <Hr className="rk-line" style={styles.line} />
          <Heading as="h2" className="rk-strong" style={styles.heading}>
            {block.text}
          </Heading>
        </>
      )
    case 'facts':
      return <Facts facts={block.facts} dir={dir} />
    case 'action':
      return <Act {...block} />
    case 'link-text':
      return <LinkText {...block} />
  }
}

function Words({ text, address, className, style }: Paragraph & { className: string; style: CSSProperties }) {
  const styles = useStyles()
  const [before, after] = address === undefined ? [text] : cutOnce(text, address)
  return (
    <Text className={className} style={style}>
      {before}
      {address !== undefined && after !== undefined && (
        <Link href={mailtoUri(address)} className="rk-link" style={styles.link}>
          {address}
        </Link>
      )}
      {after}
    </Text>
  )
}

function Act({ lead, label, href, weight }: EmailAction) {
  const styles = useStyles()
  const button = weight === 'main' ? ['rk-main', styles.main] : ['rk-quiet', styles.quiet]
  return (
    <>
      {lead !== undefined && (
        <Text className="rk-text" style={styles.lead}>
          {lead}
        </Text>
      )}
      <Section style={styles.buttonRow}>
        <Button href={href} className={button[0] as string} style={button[1] as CSSProperties}>
          {label}
        </Button>
      </Section>
    </>
  )
}

function LinkText({ lead, href }: { lead: string; href: string }) {
  const styles = useStyles()
  return (
    <>
      <Hr className="rk-line" style={styles.line} />
      <Text className="rk-faint" style={styles.hint}>
        {lead}
      </Text>
      <Text style={styles.linkText} dir="ltr">
        <Link href={href} className="rk-faint" style={styles.linkTextAnchor}>
          {href}
        </Link>
      </Text>
    </>
  )
}

function Facts({ facts, dir }: { facts: EmailFact[]; dir: 'ltr' | 'rtl' }) {
  const styles = useStyles()
  const start = dir === 'rtl' ? 'right' : 'left'
  const labelStyle = { ...styles.factLabel, padding: dir === 'rtl' ? '6px 0 6px 20px' : '6px 20px 6px 0' }
  return (
    <Section className="rk-box" style={styles.facts}>
      <Row>
        <Column style={styles.factsPad}>
          <table cellPadding={0} cellSpacing={0} border={0} style={{ borderCollapse: 'collapse' }}>
            <tbody>
              {facts.map(({ label, value, untrusted }) => (
                <tr key={label}>
                  <th scope="row" align={start} className="rk-faint" style={labelStyle}>
                    {label}
                  </th>
                  <td align={start} className="rk-strong" style={styles.factValue}>
                    {untrusted ? <Untrusted text={value} /> : value}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Column>
      </Row>
    </Section>
  )
}

/** Mail programs must make no link of untrusted text. The joiners are unselectable, so that a copy of the text lacks them. */
function Untrusted({ text }: { text: string }) {
  const styles = useStyles()
  const [first, ...others] = splitAtLinkCharacters(sanitizeShortLine(text))
  return (
    <span dir="auto">
      {first}
      {others.map((piece, index) => (
        <Fragment key={index}>
          <span aria-hidden="true" style={styles.unselected}>
            {wordJoiner}
          </span>
          {piece}
        </Fragment>
      ))}
    </span>
  )
}

/** Invisible padding follows the preview text, so that mail programs do not add the first words of the body. */
function Preview({ text }: { text: string }): ReactNode {
  const styles = useStyles()
  return (
    <div style={styles.preview} data-skip-in-text="true" aria-hidden="true">
      {`${text}${'\u200c\u00a0'.repeat(60)}`}
    </div>
  )
}

function cutOnce(text: string, part: string): [string, string?] {
  const at = text.indexOf(part)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + part.length)]
}
