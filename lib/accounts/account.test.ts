import { expect, test } from 'vitest'
import { compareIds } from './account'

test.each([
  ['numbers of a sequence', ['9', '10', '100', '1000000000000000000001']],
  ['UUIDs by their time', ['01890000-0000-7000-8000-000000000000', '01900000-0000-7000-8000-000000000000']],
  ['texts that begin with a digit', ['10a', '9a']],
])('%s are sorted in the order in which they were assigned [W2]', (_, ids) => {
  expect(ids.toReversed().sort(compareIds)).toEqual(ids)
})
