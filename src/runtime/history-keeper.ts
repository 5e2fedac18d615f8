import { encodeRequest } from '../machine/command-codec.ts'
import type { Machine } from '../machine/machine.ts'

/**
 * Keeps the history bounded without an operator: asks for a compaction when a tenth more than the bound has gathered. One
 * at a time; the leader's `compact` is an ordinary command, so every replica forgets the same.
 *
 * What is compacted is removed in small steps, one with each slot. While nobody writes, or all that grows is refused for want
 * of room, there would be no slots: the same compaction, asked for again, is refused by the machine and makes one.
 */
export class HistoryKeeper {
  readonly #revisionsMax: number
  readonly #submit: (request: Uint8Array, done: () => void) => void
  #isCompacting = false

  /** `revisionsMax` 0 keeps everything until somebody compacts. `done` is called once, whatever comes of it. */
  constructor(revisionsMax: number, submit: (request: Uint8Array, done: () => void) => void) {
    this.#revisionsMax = revisionsMax
    this.#submit = submit
  }

  /** Call on the leader only. */
  onTick(machine: Pick<Machine, 'revision' | 'compactedRevision' | 'isHistoryLeft'>): void {
    if (this.#isCompacting) return
    const wanted = this.#due(machine) ?? (machine.isHistoryLeft ? machine.compactedRevision : undefined)
    if (wanted === undefined) return
    this.#isCompacting = true
    this.#submit(encodeRequest({ session: undefined, command: { kind: 'compact', revision: wanted } }), () => {
      this.#isCompacting = false
    })
  }

  #due({ revision, compactedRevision }: Pick<Machine, 'revision' | 'compactedRevision'>): number | undefined {
    if (this.#revisionsMax === 0) return undefined
    const wanted = revision - this.#revisionsMax
    return wanted - compactedRevision < this.#revisionsMax / 10 ? undefined : wanted
  }
}
