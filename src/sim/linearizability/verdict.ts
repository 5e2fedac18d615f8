export type ViolationKind =
  /** The output is not what the operation gives at the revision that it claims. */
  | 'wrongResult'
  /** Data changed, and no operation did it: a write applied twice, or one that nobody asked for. */
  | 'unclaimedRevision'
  /** Two writes claim one revision. */
  | 'doubleRevision'
  /** No sequence of the operations can reach the revision. */
  | 'impossibleRevision'
  /** A read missed what was done before it began. */
  | 'staleRead'
  /** A write took its place before something that was done before it began. */
  | 'lateWrite'
  /** A read showed a write that began after the read had ended. */
  | 'earlyRead'
  /** A condition was refused although it held all the while. */
  | 'wrongRefusal'
  /** No order of the operations explains the outputs. */
  | 'notLinearizable'
  /** The budget was used up. Counts as a failure: nothing was proven. */
  | 'undecided'

/** Numbers are indices into the history's operations. */
export interface Violation {
  readonly violation: ViolationKind
  readonly message: string
  /** The longest legal sequence found. */
  readonly longestPrefix: readonly number[]
  /** What cannot follow it: the culprit first. */
  readonly blocking: readonly number[]
}
