/** A change that a mail program, or a program between mail servers, makes to a link. */
export type LinkDamage = {
  what: string
  source: string
  /** The damaged address as it reaches the browser. `link` is a whole address with the three parameters in order. */
  damage(link: string): string
  /** `url`: only in the address of a page. `script`: only by a page's script, because the server does not get the damaged part. */
  only?: 'url' | 'script'
}

const inside = (link: string, text: string) => `${link.slice(0, -20)}${text}${link.slice(-20)}`

const inQuery = (link: string, change: (query: string) => string) => {
  const at = link.indexOf('?') + 1
  return link.slice(0, at) + change(link.slice(at))
}

const times = (link: string, text: string) => link.replace('&timestamp=', `${text}tamp=`)
const quotedPrintable = (link: string) => inQuery(link, (query) => query.replaceAll('=', '=3D'))

/** Damages that lib/http/link-repair.ts repairs. */
export const linkDamages: LinkDamage[] = [
  // HTML that was decoded once too often.
  {
    what: '`&times` decoded to ×',
    source: 'metabrainz/metabrainz.org#625',
    damage: (link) => times(link, '×'),
  },
  {
    what: '`&times` decoded to × and percent-encoded',
    source: 'TheThingsNetwork/lorawan-stack#6332 (Zimbra, with &current)',
    damage: (link) => times(link, '%C3%97'),
  },
  {
    what: '`&times` decoded to × and encoded in Latin-1',
    source: 'metabrainz/metabrainz.org#625; URL Standard, the query of a document in Latin-1',
    damage: (link) => times(link, '%D7'),
  },
  {
    what: '`&times` decoded to ×, whose UTF-8 bytes were read as Windows-1252',
    source: 'metabrainz/metabrainz.org#625; WHATWG Encoding, windows-1252',
    damage: (link) => times(link, 'Ã—'),
  },
  {
    what: '× written out again as `&times;`',
    source: 'metabrainz/metabrainz.org#625; HTML Standard, named character references',
    damage: (link) => times(link, '&times;'),
  },
  // HTML that was encoded once too often.
  {
    what: '`&amp;` for `&`',
    source: 'luarocks/luarocks-site#20',
    damage: (link) => link.replaceAll('&', '&amp;'),
  },
  {
    what: '`&amp%3B` for `&`',
    source: 'Foundry376/Mailspring#445',
    damage: (link) => link.replaceAll('&', '&amp%3B'),
  },
  {
    what: '`&amp;amp;` for `&`',
    source: 'foundation/foundation-emails#1056',
    damage: (link) => link.replaceAll('&', '&amp;amp;'),
  },
  {
    what: '`#038;` for `&`, percent-encoded',
    source: 'restrictcontentpro/restrict-content-pro#1585, through a program that encodes `#`',
    damage: (link) => link.replaceAll('&', '%23038;'),
  },
  {
    what: '`&#x26;` for `&`, percent-encoded',
    source: 'HTML Standard, numeric character references',
    damage: (link) => link.replaceAll('&', '&%23x26;'),
  },
  {
    what: '`#038;` for `&`',
    source: 'restrictcontentpro/restrict-content-pro#1585 (SendGrid)',
    damage: (link) => link.replaceAll('&', '#038;'),
    only: 'script',
  },
  {
    what: '`&#038;` for `&`',
    source: 'WordPress esc_url(); restrictcontentpro/restrict-content-pro#1585',
    damage: (link) => link.replaceAll('&', '&#038;'),
    only: 'script',
  },
  {
    what: '`&#x26;` for `&`',
    source: 'HTML Standard, numeric character references',
    damage: (link) => link.replaceAll('&', '&#x26;'),
    only: 'script',
  },
  // Quoted-printable that was not decoded.
  { what: '`=3D` for `=`', source: 'RFC 2045 §6.7; gophish/gophish#2474', damage: quotedPrintable },
  {
    what: '`==3D` for `=`',
    source: 'yiisoft/yii2#6748',
    damage: (link) => inQuery(link, (query) => query.replaceAll('=', '==3D')),
  },
  {
    what: 'a soft line break',
    source: 'RFC 2045 §6.7; lldap/lldap#370',
    damage: (link) => inside(link, '=%0D%0A'),
  },
  {
    what: 'a soft line break whose line end the browser dropped',
    source: 'lldap/lldap#370; URL Standard, "remove all ASCII tab or newline"',
    damage: (link) => inside(link, '='),
  },
  {
    what: '`=3D`, and a soft line break inside a name',
    source: 'RFC 2045 §6.7; orbiting/backends#298',
    damage: (link) => quotedPrintable(link).replace('timestamp', 'time=%0D%0Astamp'),
    only: 'url',
  },
  {
    what: '`=3D`, and a soft line break inside a name whose line end the browser dropped',
    source: 'RFC 2045 §6.7; orbiting/backends#298',
    damage: (link) => quotedPrintable(link).replace('timestamp', 'time=stamp'),
    only: 'url',
  },
  // Lines.
  {
    what: 'the start of a quoted line',
    source: 'RFC 3676 §4.5',
    damage: (link) => inside(link, '%0D%0A%3E%20'),
  },
  {
    what: 'the start of a line that was quoted twice',
    source: 'RFC 3676 §4.5',
    damage: (link) => inside(link, '%0A%3E%3E '),
  },
  {
    what: 'a line break',
    source: 'pwm-project/pwm#697 (Gmail: %0D)',
    damage: (link) => inside(link, '%0D'),
    only: 'url',
  },
  {
    what: 'a line break and an indent',
    source: 'RFC 5322 §2.2.3, folding',
    damage: (link) => inside(link, '%0D%0A%20%20'),
    only: 'url',
  },
  {
    what: 'a space',
    source: 'mozilla/fxa-auth-server#722',
    damage: (link) => inside(link, '%20'),
    only: 'url',
  },
  {
    what: 'an invisible place to break',
    source: 'UAX #14, class ZW',
    damage: (link) => inside(link, '%E2%80%8B'),
    only: 'url',
  },
  {
    what: 'a soft hyphen',
    source: 'UAX #14, class BA',
    damage: (link) => inside(link, '%C2%AD'),
    only: 'url',
  },
  // Text that follows the link.
  {
    what: 'the full stop of the sentence',
    source: 'DemocracyClub/UK-Polling-Stations#6926',
    damage: (link) => `${link}.`,
  },
  { what: 'a comma', source: 'nfrasser/linkifyjs#274', damage: (link) => `${link},` },
  {
    what: 'an exclamation mark',
    source: 'dachcom-digital/pimcore-members#136',
    damage: (link) => `${link}!`,
  },
  { what: 'a bracket', source: 'thp/urlwatch#387 (K-9 Mail)', damage: (link) => `${link})` },
  {
    what: 'an angle bracket',
    source: 'tutao/tutanota#3218; RFC 3986 appendix C',
    damage: (link) => `${link}%3E`,
  },
  { what: 'a bracket and a full stop', source: 'mozilla/bleach#49', damage: (link) => `${link}).` },
  { what: 'a quotation mark', source: 'RFC 3986 appendix C', damage: (link) => `${link}%22` },
  { what: 'a curly quotation mark', source: 'RFC 3986 appendix C', damage: (link) => `${link}%E2%80%9D` },
  { what: 'a tag', source: 'RFC 3986 appendix C', damage: (link) => `${link}%3C/a%3E` },
  // Percent-encoded once too often.
  {
    what: 'the ampersands, encoded',
    source: 'lbryio/lbry-desktop#3459 (mail programs that encode a sign of a link)',
    damage: (link) => link.replaceAll('&', '%26'),
  },
  {
    what: 'all separators, encoded',
    source: 'lbryio/lbry-desktop#3459',
    damage: (link) => inQuery(link, (query) => query.replaceAll('&', '%26').replaceAll('=', '%3D')),
    only: 'url',
  },
  {
    what: 'all separators, encoded twice',
    source: 'orbiting/backends#38',
    damage: (link) => inQuery(link, (query) => query.replaceAll('&', '%2526').replaceAll('=', '%253D')),
    only: 'url',
  },
  {
    what: 'every sign of the values, encoded twice',
    source: 'orbiting/backends#38 (Open-Xchange); lbryio/lbry-desktop#3459',
    damage: (link) =>
      inQuery(link, (query) =>
        query
          .replaceAll('%', '%25')
          .replaceAll('-', '%252D')
          .replace(/_(?!id)/g, '%255F'),
      ),
  },
]
