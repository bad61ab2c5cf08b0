import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A certificate that is valid for a day, and its key, both PEM. @param options.expired whether it expired a minute ago */
export function makeSelfSignedCertificate(
  host: string,
  { expired = false }: { expired?: boolean } = {},
): { key: string; cert: string } {
  const end = Date.now() + (expired ? -60_000 : 86_400_000)
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signatureAlgorithm = sequence(objectId('2a8648ce3d040302')) // ecdsa-with-SHA256
  const name = sequence(set(sequence(objectId('550403'), utf8(host)))) // commonName
  const alternativeName = sequence(tagged(0x82, Buffer.from(host))) // dNSName
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))), // X.509 version 3
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])), // serial number
    signatureAlgorithm,
    name,
    sequence(time(end - 90_000_000), time(end)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(sequence(objectId('551d11'), tagged(0x04, alternativeName)))), // subjectAltName
  )
  const signature = sign('sha256', body, privateKey)
  const der = sequence(body, signatureAlgorithm, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])))
  const base64 = der.toString('base64').replace(/.{1,64}/g, '$&\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${base64}-----END CERTIFICATE-----\n`,
  }
}

// The parts of DER (ITU-T X.690) that a certificate needs.

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content
  const octets = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...octets]), content])
}

const sequence = (...parts: Buffer[]) => tagged(0x30, Buffer.concat(parts))
const set = (...parts: Buffer[]) => tagged(0x31, Buffer.concat(parts))
const integer = (bytes: Buffer) => tagged(0x02, bytes)
const objectId = (hex: string) => tagged(0x06, Buffer.from(hex, 'hex'))
const utf8 = (text: string) => tagged(0x0c, Buffer.from(text))
const time = (at: number) =>
  tagged(0x17, Buffer.from(new Date(at).toISOString().replace(/^20|[-:T]|\.\d+/g, '')))
