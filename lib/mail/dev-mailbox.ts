import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { simpleParser } from 'mailparser'

/** A caught letter in a list. */
export type CaughtLetter = { id: string; date: Date; to: string; subject: string }

/** A caught letter, opened. */
export type OpenedLetter = CaughtLetter & {
  from: string
  /** In the order of the message, unfolded, else as written. */
  headers: { name: string; value: string }[]
  html: string
  text: string
  /** The message as it would have gone over the wire. */
  source: string
}

export type Mailbox = ReturnType<typeof createMailbox>

/** The most letters that a list shows; older ones are still on the disk. */
const longestList = 500

const fileName = /^([A-Za-z0-9-]{1,64})\.eml$/

/** Reads the letters that the mailer of demo and dev caught in a directory. Shows links that work: never for production. */
export function createMailbox(dir: string) {
  /** The letters, newest first; none while there is no directory. */
  async function list(): Promise<CaughtLetter[]> {
    const ids = (await ifThere(readdir(dir)))?.flatMap((name) => fileName.exec(name)?.[1] ?? []) ?? []
    const caught = await Promise.all(
      ids.map(async (id) => ({ id, at: (await ifThere(stat(pathOf(id))))?.mtimeMs ?? 0 })),
    )
    const newest = caught.sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1)).slice(0, longestList)
    const letters = await Promise.all(newest.map(({ id }) => read(id, headOf)))
    return letters
      .filter((letter) => letter !== null)
      .map(({ id, date, to, subject }) => ({ id, date, to, subject }))
  }

  /** @returns null when there is no letter of this id */
  async function open(id: string): Promise<OpenedLetter | null> {
    return fileName.test(`${id}.eml`) ? read(id) : null
  }

  async function read(id: string, part = (whole: Buffer) => whole): Promise<OpenedLetter | null> {
    const whole = await ifThere(readFile(pathOf(id)))
    if (whole === undefined) return null
    const source = part(whole)
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

/** What a list needs of a message: parsing the rest of five hundred would take seconds. */
function headOf(message: Buffer): Buffer {
  const end = message.indexOf('\r\n\r\n')
  return end < 0 ? message : message.subarray(0, end + 4)
}

function splitHeader(line: string): { name: string; value: string } {
  const colon = line.indexOf(':')
  return {
    name: line.slice(0, colon),
    value: line
      .slice(colon + 1)
      .replace(/\r?\n[ \t]+/g, ' ')
      .trim(),
  }
}

/** Letters come and go while somebody looks. */
async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
