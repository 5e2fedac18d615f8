/** Thrown when our own reasoning is wrong. The node stops: a stopped acceptor is safe, a confused one is not. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** One for each `%s` in a message. */
type Values<M extends string> = M extends `${string}%s${infer Rest}` ? [value: unknown, ...rest: Values<Rest>] : []

/**
 * States what cannot happen if our reasoning is right. Always on. Never used on input from outside. Each `%s` in the message
 * stands for the next value, three at most. Not a template, which would be put together each time that all is well; not a
 * rest parameter, which would be an array each time.
 */
export function assert<M extends string>(condition: boolean, message: M, ...values: Values<M>): asserts condition
export function assert(
  condition: boolean,
  message: string,
  first?: unknown,
  second?: unknown,
  third?: unknown,
): asserts condition {
  if (!condition) throw new AssertionError(filledIn(message, [first, second, third]))
}

function filledIn(message: string, values: readonly unknown[]): string {
  let next = 0
  return message.replaceAll('%s', () => String(values[next++]))
}

/** Ends every switch over a union, so that the compiler proves it exhaustive. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`)
}
