import { crc32c } from '../base/crc32c.ts'

/**
 * Everything that happens in a run, as lines. Only a running hash is kept, unless lines are wanted: two runs of one seed
 * must end with the same hash on every machine.
 */
export class Trace {
  readonly #lines: string[] | undefined
  readonly #linesMax: number
  #high = 0
  #low = 0
  #count = 0

  constructor(keepLines: boolean, linesMax = 200_000) {
    this.#lines = keepLines ? [] : undefined
    this.#linesMax = linesMax
  }

  get keepsLines(): boolean {
    return this.#lines !== undefined
  }

  get lines(): readonly string[] {
    return this.#lines ?? []
  }

  get count(): number {
    return this.#count
  }

  get hash(): string {
    return this.#high.toString(16).padStart(8, '0') + this.#low.toString(16).padStart(8, '0')
  }

  /** Cheap: mixes numbers and bytes into the hash. `line` is made only when lines are kept. */
  event(kind: number, a: number, b: number, bytes: Uint8Array | undefined, line: () => string): void {
    this.#count++
    let low = Math.imul(this.#low ^ kind, 0x9e3779b1)
    low = Math.imul((low ^ (low >>> 15)) + a, 0x85ebca77)
    low = Math.imul((low ^ (low >>> 13)) + b, 0xc2b2ae3d)
    if (bytes !== undefined) low ^= crc32c(bytes, low >>> 0)
    this.#low = (low ^ (low >>> 16)) >>> 0
    this.#high = (Math.imul(this.#high, 31) + this.#low) >>> 0
    if (this.#lines === undefined) return
    if (this.#lines.length < this.#linesMax) this.#lines.push(line())
  }
}

/** Kinds of trace events. Numbers only need to differ. */
export const traceKind = {
  send: 1,
  deliver: 2,
  drop: 3,
  commit: 4,
  durable: 5,
  apply: 6,
  crash: 7,
  start: 8,
  fault: 9,
  invoke: 10,
  return: 11,
  role: 12,
} as const
