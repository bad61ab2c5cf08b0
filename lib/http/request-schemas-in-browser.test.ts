import { build } from 'esbuild'
import { createContext, runInContext } from 'node:vm'
import { expect, expectTypeOf, test } from 'vitest'
import type { input } from 'zod/mini'
import type { linkRequestBodySchema, ResetForm, resetPasswordSchema } from './request-schemas'

test('all fields of the forms have the type of text', () => {
  expectTypeOf<input<ReturnType<typeof resetPasswordSchema>>>().toEqualTypeOf<ResetForm>()
  expectTypeOf<input<ReturnType<typeof linkRequestBodySchema<'login'>>>>().toEqualTypeOf<
    Record<'login', string>
  >()
})

test('schemas and password rules run in a browser without Node, the blocklist or code from strings [H6, U5]', async () => {
  const { metafile, outputFiles } = await build({
    stdin: {
      contents: `
        export { resetPasswordSchema } from './request-schemas'
        export { createPasswordRuleChecker } from '@/lib/passwords/rules'`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    minify: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'shared',
    metafile: true,
    write: false,
  })
  expect(Object.keys(metafile.inputs).filter((file) => /zxcvbn|^node:/.test(file))).toEqual([])
  expect(outputFiles[0]?.text.length).toBeLessThan(64 * 1024)

  const page = createContext({}, { codeGeneration: { strings: false, wasm: false } })
  runInContext(
    'let evaluations = 0; globalThis.Function = new Proxy(Function, { construct() { evaluations++; throw new EvalError() } })',
    page,
  )
  runInContext(outputFiles[0]?.text ?? '', page)
  const given = JSON.stringify({ user_id: '1', timestamp: '1700000000', signature: 'abc', password: '' })
  const read = runInContext(
    `shared.resetPasswordSchema({ passwordConfirm: false }).safeParse(${given}).error.issues[0].message`,
    page,
  )
  expect(read).toBe('blank')
  expect(runInContext('evaluations', page)).toBe(0)
})
