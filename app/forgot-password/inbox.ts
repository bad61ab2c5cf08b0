/** Where the large providers' mail is read on the web. */
const inboxes: { name: string; url: string; domains: string[] }[] = [
  { name: 'Gmail', url: 'https://mail.google.com/', domains: ['gmail.com', 'googlemail.com'] },
  {
    name: 'Outlook',
    url: 'https://outlook.live.com/mail/',
    domains: [
      'outlook.com',
      'outlook.de',
      'outlook.fr',
      'hotmail.com',
      'hotmail.fr',
      'hotmail.co.uk',
      'live.com',
      'msn.com',
    ],
  },
  {
    name: 'Yahoo Mail',
    url: 'https://mail.yahoo.com/',
    domains: [
      'yahoo.com',
      'yahoo.de',
      'yahoo.fr',
      'yahoo.it',
      'yahoo.es',
      'yahoo.co.uk',
      'yahoo.co.in',
      'yahoo.com.br',
      'ymail.com',
    ],
  },
  { name: 'Yahoo!メール', url: 'https://mail.yahoo.co.jp/', domains: ['yahoo.co.jp'] },
  { name: 'iCloud Mail', url: 'https://www.icloud.com/mail/', domains: ['icloud.com', 'me.com', 'mac.com'] },
  { name: 'Proton Mail', url: 'https://mail.proton.me/', domains: ['proton.me', 'protonmail.com', 'pm.me'] },
  { name: 'GMX', url: 'https://www.gmx.net/', domains: ['gmx.net', 'gmx.de', 'gmx.at', 'gmx.ch'] },
  { name: 'WEB.DE', url: 'https://web.de/', domains: ['web.de'] },
  { name: 'Orange', url: 'https://messagerie.orange.fr/', domains: ['orange.fr', 'wanadoo.fr'] },
  { name: 'Libero Mail', url: 'https://mail.libero.it/', domains: ['libero.it'] },
  { name: 'Onet Poczta', url: 'https://poczta.onet.pl/', domains: ['onet.pl', 'op.pl'] },
  { name: 'WP Poczta', url: 'https://poczta.wp.pl/', domains: ['wp.pl'] },
  { name: 'UKR.NET', url: 'https://mail.ukr.net/', domains: ['ukr.net'] },
  { name: '네이버 메일', url: 'https://mail.naver.com/', domains: ['naver.com'] },
  { name: 'QQ 邮箱', url: 'https://mail.qq.com/', domains: ['qq.com'] },
  { name: '网易邮箱', url: 'https://mail.163.com/', domains: ['163.com'] },
]

/**
 * The inbox that an address belongs to. Known from what was typed alone, in the browser: nothing is looked up, and
 * nobody is told.
 *
 * @returns undefined for user names and for all other addresses
 */
export function inboxOf(login: string): { name: string; url: string } | undefined {
  const domain = login.trim().toLowerCase().split('@').at(1)
  return inboxes.find(({ domains }) => domain !== undefined && domains.includes(domain))
}
