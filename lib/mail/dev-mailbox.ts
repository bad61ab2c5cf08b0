import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

export type StoredEmail = { id: string; date: Date; to: string; subject: string }

export type StoredEmailContent = StoredEmail & {
  from: string
  /** Folded lines are joined; encoded words stay encoded. */
  headers: { name: string; value: string }[]
  html: string
  text: string
  /** The raw message. */
  source: string
}

export type DevMailbox = ReturnType<typeof createDevMailboxReader>

const maxListed = 500

const fileName = /^([A-Za-z0-9-]{1,64})\.eml$/

/** Creates the reader of the emails that demo and dev store in a directory. Never for production: it exposes valid links. */
export function createDevMailboxReader(dir: string) {
  /** Lists up to `maxListed` emails, newest first; none if the directory does not exist yet. */
  async function list(): Promise<StoredEmail[]> {
    const ids =
      (await undefinedIfMissing(readdir(dir)))?.flatMap((name) => fileName.exec(name)?.[1] ?? []) ?? []
    const caught = await Promise.all(
      ids.map(async (id) => ({ id, at: (await undefinedIfMissing(stat(pathOf(id))))?.mtimeMs ?? 0 })),
    )
    const newest = caught.sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1)).slice(0, maxListed)
    const emails = await Promise.all(newest.map(({ id }) => read(id, headOf)))
    return emails
      .filter((email) => email !== null)
      .map(({ id, date, to, subject }) => ({ id, date, to, subject }))
  }

  /** Reads one email; null if there is none with this id. */
  async function open(id: string): Promise<StoredEmailContent | null> {
    return fileName.test(`${id}.eml`) ? read(id) : null
  }

  async function read(id: string, part = (whole: Buffer) => whole): Promise<StoredEmailContent | null> {
    const whole = await undefinedIfMissing(readFile(pathOf(id)))
    if (whole === undefined) return null
    const source = part(whole)
    // Not loaded at start: mailparser takes much memory, and production has no such mailbox.
    const { simpleParser } = await import('mailparser')
    const mail = await simpleParser(source, {
      skipTextToHtml: true,
      skipHtmlToText: true,
      skipTextLinks: true,
    })
    return {
      id,
      date: mail.date ?? new Date(0),
      from: mail.from?.text ?? '',
      to: [mail.to ?? []]
        .flat()
        .map(({ text }) => text)
        .join(', '),
      subject: mail.subject ?? '',
      headers: mail.headerLines.map(({ line }) => splitHeader(line)),
      html: mail.html || '',
      text: mail.text ?? '',
      source: source.toString('utf8'),
    }
  }

  function pathOf(id: string): string {
    return join(dir, `${id}.eml`)
  }

  return { list, open }
}

/** Cuts a message after its header, because parsing the bodies would delay the list. */
function headOf(message: Buffer): Buffer {
  const end = message.indexOf('\r\n\r\n')
  return end < 0 ? message : message.subarray(0, end + 4)
}

function splitHeader(bytes: string): { name: string; value: string } {
  const line = Buffer.from(bytes, 'latin1').toString('utf8')
  const colon = line.indexOf(':')
  return {
    name: line.slice(0, colon),
    value: line
      .slice(colon + 1)
      .replace(/\r?\n[ \t]+/g, ' ')
      .trim(),
  }
}

/** Resolves to undefined if the file or directory does not exist: a file may be deleted between listing and reading. */
async function undefinedIfMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
