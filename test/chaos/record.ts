/** What every client asked and was told, as the history that the checkers judge. */
import { type ErrorCode, errorCodes, PaxosError } from '../../src/base/error.ts'
import { type Input, isRead, type Operation, type Output, putsOf } from '../../src/sim/linearizability/history.ts'

/** What a client knows of its write. */
export type Fate = 'done' | 'refused' | 'unknown'

export interface Write {
  readonly operation: Operation
  fate: Fate
}

/** Every value is written once only, so that it tells which write it belongs to. */
export class Recorder {
  readonly #answered: Operation[] = []
  readonly #writes: Write[] = []
  readonly codes = new Map<string, number>()
  acknowledged = 0
  reads = 0
  /** Longest time between two acknowledgements, in milliseconds. */
  longestGapMs = 0
  #lastAt = performance.now()

  get writes(): readonly Write[] {
    return this.#writes
  }

  /**
   * Runs one operation. Its error, if it has one, says whether the write may have been done; any other error than a
   * PaxosError is a bug of the client and is thrown on. Returns whether the operation was answered.
   */
  async run(client: number, input: Input, call: () => Promise<Output>): Promise<boolean> {
    const invokedAt = performance.now()
    try {
      const output = await call()
      this.#note({ client, invokedAt, returnedAt: performance.now(), input, output })
      return true
    } catch (error) {
      if (!(error instanceof PaxosError)) throw error
      this.codes.set(error.code, (this.codes.get(error.code) ?? 0) + 1)
      return this.#noteFailure({ client, invokedAt, returnedAt: undefined, input, output: undefined }, error.code)
    }
  }

  /**
   * The history. `isDone` says of a write of unknown outcome whether the log holds it; undefined when that cannot be
   * told. What certainly was not done is left out, the rest stays open.
   */
  history(isDone: (operation: Operation) => boolean | undefined): readonly Operation[] {
    const open = this.#writes.filter(({ fate, operation }) => fate === 'unknown' && isDone(operation) !== false)
    return [...this.#answered, ...open.map(({ operation }) => operation)]
  }

  #note(operation: Operation): void {
    this.#answered.push(operation)
    if (isRead(operation.input)) {
      this.reads++
      return
    }
    this.acknowledged++
    this.#writes.push({ operation, fate: operation.output?.kind === 'mismatch' ? 'refused' : 'done' })
    const now = performance.now()
    this.longestGapMs = Math.max(this.longestGapMs, now - this.#lastAt)
    this.#lastAt = now
  }

  #noteFailure(operation: Operation, code: ErrorCode): boolean {
    if (isRead(operation.input)) return false
    if (code === 'PRECONDITION_FAILED') {
      // It is in the log, and says something about the data: a refusal is an answer.
      this.#answered.push({ ...operation, returnedAt: performance.now(), output: { kind: 'mismatch' } })
      return true
    }
    this.#writes.push({ operation, fate: errorCodes[code].done === 'unknown' ? 'unknown' : 'refused' })
    return false
  }
}

/** The values that a write may put: none for one that only deletes. */
export function tokensOf({ input }: Operation): readonly string[] {
  return putsOf(input).map(({ value }) => value)
}
