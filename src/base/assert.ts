/** Thrown when our own reasoning is wrong. The node stops: a stopped acceptor is safe, a confused one is not. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** States what cannot happen if our reasoning is right. Always on. Never used on input from outside. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** Ends every switch over a union, so that the compiler proves it exhaustive. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`)
}
