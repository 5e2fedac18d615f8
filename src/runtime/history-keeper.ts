/**
 * Keeps the history bounded without an operator: asks for a compaction when a tenth more than the bound has gathered. One
 * at a time; the leader's `compact` is an ordinary command, so every replica forgets the same.
 */
export class HistoryKeeper {
  readonly #revisionsMax: number
  #isCompacting = false

  /** `revisionsMax` 0 keeps everything until somebody compacts. */
  constructor(revisionsMax: number) {
    this.#revisionsMax = revisionsMax
  }

  onTick(revision: number, compactedRevision: number, compact: (upTo: number, done: () => void) => void): void {
    if (this.#revisionsMax === 0 || this.#isCompacting) return
    const wanted = revision - this.#revisionsMax
    if (wanted - compactedRevision < this.#revisionsMax / 10) return
    this.#isCompacting = true
    compact(wanted, () => {
      this.#isCompacting = false
    })
  }
}
