import { PaxosError } from '../../base/error.ts'
import type { Random } from '../../base/random.ts'

export const distributions = ['uniform', 'zipf', 'sequential'] as const
export type Distribution = (typeof distributions)[number]

export interface KeySpaceOptions {
  /** Of every key, ASCII. */
  readonly prefix: string
  readonly keys: number
  /** Length of a key, the prefix included. */
  readonly keyBytes: number
  readonly distribution: Distribution
  readonly random: Random
}

/** The share of YCSB's hot keys: with 10,000 keys, the hottest gets every tenth request. */
const zipfExponent = 0.99
/** Spreads the hot keys over the key space. A prime, so that every rank gets a key of its own. */
const spread = 15_485_863

/** Keys `prefix` + number, and which of them is next. */
export class KeySpace {
  readonly #options: KeySpaceOptions
  readonly #digits: number
  readonly #pick: () => number

  /** Throws PaxosError USAGE when the keys are too short to be different. */
  constructor(options: KeySpaceOptions) {
    const { prefix, keys, keyBytes, distribution, random } = options
    this.#options = options
    this.#digits = keyBytes - prefix.length
    const needed = String(keys - 1).length
    if (this.#digits < needed) {
      throw new PaxosError(
        'USAGE',
        `${keys} keys below ${prefix} need ${prefix.length + needed} bytes, not ${keyBytes}`,
      )
    }
    this.#pick = pickerOf(distribution, keys, random)
  }

  get prefix(): string {
    return this.#options.prefix
  }

  get size(): number {
    return this.#options.keys
  }

  key(number: number): string {
    return this.#options.prefix + String(number).padStart(this.#digits, '0')
  }

  next(): string {
    return this.key(this.#pick())
  }
}

function pickerOf(distribution: Distribution, keys: number, random: Random): () => number {
  let next = 0
  switch (distribution) {
    case 'uniform':
      return () => random.integer(0, keys)
    case 'sequential':
      return () => next++ % keys
    case 'zipf': {
      const rank = zipf(keys, random)
      return () => (rank() * spread) % keys
    }
  }
}

/** Ranks from 0 with Zipf's distribution (Gray et al., "Quickly generating billion-record synthetic databases", 1994). */
function zipf(size: number, random: Random): () => number {
  if (size < 3) return () => random.integer(0, size)
  const zeta2 = 1 + 0.5 ** zipfExponent
  let zeta = 0
  for (let rank = 1; rank <= size; rank++) zeta += rank ** -zipfExponent
  const alpha = 1 / (1 - zipfExponent)
  const eta = (1 - (2 / size) ** (1 - zipfExponent)) / (1 - zeta2 / zeta)
  return () => {
    const u = random.next()
    if (u * zeta < 1) return 0
    if (u * zeta < zeta2) return 1
    return Math.min(size - 1, Math.floor(size * (eta * u - eta + 1) ** alpha))
  }
}
