export type Reply<Result> = { result: Result } | { error: string }

/** Serves orders until the parent process ends. */
export function serveOrders<Order, Result>(serve: (order: Order) => Promise<Result>): void {
  process.on('disconnect', () => process.exit())
  process.on('message', (order: Order) => {
    serve(order).then(
      (result) => process.send?.({ result } satisfies Reply<Result>),
      (error: unknown) =>
        process.send?.({
          error: error instanceof Error ? error.message : String(error),
        } satisfies Reply<Result>),
    )
  })
}
