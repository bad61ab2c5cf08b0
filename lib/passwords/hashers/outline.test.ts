import { expect, test } from 'vitest'
import { outlineOfHash } from './outline'

test.each([
  ['$2y$12$NhGPLtxdxR9vZ3nYl8yTPe1bkX0l5tKjVn1mL0a3b5c7d9e1f3g5h', '$2y$12$*53'],
  [
    'pbkdf2_sha256$1000000$frerlHE8nbRlTMHfn5d2ov$TJo0SUefVYMBLtJc/W+evsjqu8Mu6Qg4K4G8R4fGoA8=',
    'pbkdf2_sha256$1000000$*$*44',
  ],
  [
    'argon2$argon2id$v=19$m=102400,t=2,p=8$S3d6SU1BaG9KWktIZm9paXZENTEwTw$slJej7C8cn0ngfFLEdLPF7wpxzVjmaTe8I4muSQasIM',
    'argon2$argon2id$v=19$m=102400,t=2,p=8$*$*43',
  ],
  [`${'a1'.repeat(16)}:${'b2'.repeat(64)}`, '*:*128'],
  ['pbkdf2_sha256$1000$short$x', 'pbkdf2_sha256$1000$*$*1'],
  ['hunter2', '*7'],
  ['salted:hunter2', '*:*7'],
])('the outline of the stored hash %s is %s, with scheme and cost only [W6]', (stored, outline) => {
  expect(outlineOfHash(stored)).toBe(outline)
})
