import { accounts } from './accounts.js'
import { answers } from './answers.js'
import { flow } from './flow.js'
import { front } from './front.js'
import { input } from './input.js'
import { letters } from './letters.js'
import { limits } from './limits.js'
import { links } from './links.js'
import { passwords } from './passwords.js'
import { settings } from './settings.js'

/** @typedef {{ file: string, find: string, replace: string }} Edit */

/**
 * A guard, and how it is taken away.
 *
 * `find` is text that stands exactly once in `file`, which may also be a room of files: `lib/http` is `lib/http.ts` and
 * what is in `lib/http/`. `replace` is what stands there without the guard. `also` names the second line of defence where
 * there is one, which would hide that the first is gone. `test` is the unit test file that
 * must turn red, `named` a part of the names of those of its tests that are run; without it, all are. `sample`: tried by
 * `npm test` too.
 *
 * @typedef {object} Guard
 * @property {string} guard
 * @property {string} cites requirement ids
 * @property {string} file
 * @property {string} find
 * @property {string} replace
 * @property {(Omit<Edit, 'file'> & { file?: string })[]} [also]
 * @property {string} test
 * @property {string} [named]
 * @property {true} [sample]
 */

/** Every guard that something rests on. Where one is added to the code, it is added here. */
export const guards = /** @type {Guard[]} */ ([
  ...links,
  ...flow,
  ...accounts,
  ...limits,
  ...passwords,
  ...input,
  ...answers,
  ...front,
  ...letters,
  ...settings,
])
