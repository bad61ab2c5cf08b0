/** The web mail pages of large providers, and the domains of their email addresses. */
export const inboxes: { name: string; url: string; domains: string[] }[] = [
  { name: 'Gmail', url: 'https://mail.google.com/', domains: ['gmail.com', 'googlemail.com'] },
  {
    name: 'Outlook',
    url: 'https://outlook.live.com/mail/',
    domains: [
      'outlook.com',
      'outlook.de',
      'outlook.fr',
      'outlook.es',
      'outlook.it',
      'outlook.jp',
      'outlook.com.br',
      'hotmail.com',
      'hotmail.de',
      'hotmail.fr',
      'hotmail.es',
      'hotmail.it',
      'hotmail.nl',
      'hotmail.co.uk',
      'hotmail.co.jp',
      'live.com',
      'live.fr',
      'live.it',
      'live.nl',
      'live.co.uk',
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
      'yahoo.ca',
      'yahoo.co.uk',
      'yahoo.co.in',
      'yahoo.co.id',
      'yahoo.com.br',
      'yahoo.com.mx',
      'yahoo.com.tr',
      'yahoo.com.tw',
      'yahoo.com.vn',
      'ymail.com',
    ],
  },
  { name: 'Yahoo!メール', url: 'https://mail.yahoo.co.jp/', domains: ['yahoo.co.jp'] },
  { name: 'AOL Mail', url: 'https://mail.aol.com/', domains: ['aol.com'] },
  { name: 'iCloud Mail', url: 'https://www.icloud.com/mail/', domains: ['icloud.com', 'me.com', 'mac.com'] },
  { name: 'Proton Mail', url: 'https://mail.proton.me/', domains: ['proton.me', 'protonmail.com', 'pm.me'] },
  { name: 'GMX', url: 'https://www.gmx.net/', domains: ['gmx.net', 'gmx.de', 'gmx.at', 'gmx.ch'] },
  { name: 'GMX', url: 'https://www.gmx.com/', domains: ['gmx.com'] },
  { name: 'WEB.DE', url: 'https://web.de/', domains: ['web.de'] },
  { name: 'T-Online', url: 'https://email.t-online.de/', domains: ['t-online.de'] },
  { name: 'Orange', url: 'https://messagerie.orange.fr/', domains: ['orange.fr', 'wanadoo.fr'] },
  { name: 'Free', url: 'https://webmail.free.fr/', domains: ['free.fr'] },
  { name: 'Laposte.net', url: 'https://www.laposte.net/', domains: ['laposte.net'] },
  { name: 'UOL Mail', url: 'https://email.uol.com.br/', domains: ['uol.com.br'] },
  { name: 'Libero Mail', url: 'https://mail.libero.it/', domains: ['libero.it'] },
  { name: 'Onet Poczta', url: 'https://poczta.onet.pl/', domains: ['onet.pl', 'op.pl'] },
  { name: 'WP Poczta', url: 'https://poczta.wp.pl/', domains: ['wp.pl'] },
  { name: 'Poczta o2', url: 'https://poczta.o2.pl/', domains: ['o2.pl'] },
  { name: 'Poczta Interia', url: 'https://poczta.interia.pl/', domains: ['interia.pl'] },
  { name: 'UKR.NET', url: 'https://mail.ukr.net/', domains: ['ukr.net'] },
  { name: '네이버 메일', url: 'https://mail.naver.com/', domains: ['naver.com'] },
  { name: '다음 메일', url: 'https://mail.daum.net/', domains: ['daum.net', 'hanmail.net'] },
  { name: 'QQ 邮箱', url: 'https://mail.qq.com/', domains: ['qq.com'] },
  { name: '网易邮箱', url: 'https://mail.163.com/', domains: ['163.com'] },
  { name: '网易邮箱', url: 'https://mail.126.com/', domains: ['126.com'] },
  { name: 'Walla! Mail', url: 'https://mail.walla.co.il/', domains: ['walla.co.il'] },
  { name: 'Rediffmail', url: 'https://mail.rediff.com/', domains: ['rediffmail.com'] },
]

/**
 * Returns the web mail page of an email address, by its domain. Runs in the browser and sends no request.
 *
 * @returns undefined for a username, and for an email address whose domain `inboxes` does not list
 */
export function inboxOf(login: string): { name: string; url: string } | undefined {
  const domain = login.trim().toLowerCase().split('@').at(1)
  return inboxes.find(({ domains }) => domain !== undefined && domains.includes(domain))
}
