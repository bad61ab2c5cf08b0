/** What of an account a link is bound to: when any of it changes, the link is dead. */
export type LinkState = {
  passwordHash: string | null
  email: string
  isActive: boolean
  linksEpoch: number
}
