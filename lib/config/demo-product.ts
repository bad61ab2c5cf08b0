/** The products whose tables a demo can have (`scripts/demo-users/`). */
const demoProducts = ['django', 'better-auth'] as const

export type DemoProduct = (typeof demoProducts)[number]

/** Returns the product of the option `--users`, which `scripts/run.js` passes on; undefined means Rekey's own table. */
export function readDemoProduct(env: Record<string, string | undefined>): DemoProduct | undefined {
  return demoProducts.find((product) => product === env.REKEY_DEMO_USERS)
}
