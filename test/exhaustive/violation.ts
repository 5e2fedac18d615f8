/** A broken invariant. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

export function insist(holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new Violation(what())
}
