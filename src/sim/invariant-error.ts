/** A broken invariant: a bug in what is tested. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

export function insist(condition: boolean, invariant: string, message: () => string): asserts condition {
  if (!condition) throw new InvariantError(`${invariant}: ${message()}`)
}
