import { encodeRequest } from '../machine/command-codec.ts'
import type { Machine } from '../machine/machine.ts'

/**
 * Keeps the history bounded without an operator: asks for a compaction when a tenth more than the bound has gathered. One
 * at a time; the leader's `compact` is an ordinary command, so every replica forgets the same.
 */
export class HistoryKeeper {
  readonly #revisionsMax: number
  readonly #submit: (request: Uint8Array, done: () => void) => void
  #isCompacting = false

  /** `revisionsMax` 0 keeps everything until somebody compacts. */
  constructor(revisionsMax: number, submit: (request: Uint8Array, done: () => void) => void) {
    this.#revisionsMax = revisionsMax
    this.#submit = submit
  }

  /** Call on the leader only. */
  onTick({ revision, compactedRevision }: Pick<Machine, 'revision' | 'compactedRevision'>): void {
    if (this.#revisionsMax === 0 || this.#isCompacting) return
    const wanted = revision - this.#revisionsMax
    if (wanted - compactedRevision < this.#revisionsMax / 10) return
    this.#isCompacting = true
    this.#submit(encodeRequest({ session: undefined, command: { kind: 'compact', revision: wanted } }), () => {
      this.#isCompacting = false
    })
  }
}
