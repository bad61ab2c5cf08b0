/** Whether tests run in their long form, as with `npm run test:long`: more inputs, more combinations. */
export const isLong = process.env.REKEY_LONG === '1'
