/** Whether tests run in their long form, as `npm run test:long` has them: more inputs, more combinations. */
export const isLong = process.env.REKEY_LONG === '1'
