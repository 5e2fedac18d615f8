import { assert } from '../../base/assert.ts'

/** Values below this have a bucket each; above, every doubling has half as many. A bucket is 0.2 % wide at most. */
const linearBuckets = 1024
const bucketsPerDoubling = linearBuckets / 2
const linearBits = Math.log2(linearBuckets)
/** 71 minutes in microseconds; longer values count as this. */
const valueMax = 2 ** 32 - 1
const buckets = linearBuckets + (32 - linearBits) * bucketsPerDoubling

/** Counts of whole numbers (microseconds, say) in buckets that widen with the value, as HdrHistogram does. */
export class Histogram {
  readonly #counts = new Float64Array(buckets)
  #count = 0
  #sum = 0
  #max = 0

  get count(): number {
    return this.#count
  }

  get max(): number {
    return this.#max
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count
  }

  record(value: number, times = 1): void {
    const whole = Math.min(valueMax, Math.max(0, Math.round(value)))
    const at = bucketOf(whole)
    this.#counts[at] = (this.#counts[at] ?? 0) + times
    this.#count += times
    this.#sum += whole * times
    if (whole > this.#max) this.#max = whole
  }

  /** The smallest recorded value that `percent` of all do not exceed, to the width of its bucket. 0 when there is none. */
  percentile(percent: number): number {
    assert(percent > 0 && percent <= 100, 'no such percentile: %s', percent)
    const wanted = Math.ceil((this.#count * percent) / 100)
    let seen = 0
    for (let at = 0; at < buckets && this.#count > 0; at++) {
      seen += this.#counts[at] ?? 0
      if (seen >= wanted) return Math.min(topOf(at), this.#max)
    }
    return 0
  }

  add(other: Histogram): void {
    for (let at = 0; at < buckets; at++) this.#counts[at] = (this.#counts[at] ?? 0) + (other.#counts[at] ?? 0)
    this.#count += other.#count
    this.#sum += other.#sum
    this.#max = Math.max(this.#max, other.#max)
  }

  /**
   * What would have been seen had requests gone out every `interval`, whatever became of those before: one that took
   * longer held back others, which would have waited for the rest of its time (Tene, "coordinated omission").
   */
  correctedFor(interval: number): Histogram {
    assert(interval > 0, 'no interval: %s', interval)
    const corrected = new Histogram()
    corrected.add(this)
    for (let at = bucketOf(Math.min(valueMax, Math.ceil(interval))); at < buckets; at++) {
      const times = this.#counts[at] ?? 0
      if (times === 0) continue
      for (let waited = Math.min(topOf(at), this.#max) - interval; waited >= interval; waited -= interval) {
        corrected.record(waited, times)
      }
    }
    return corrected
  }
}

function bucketOf(value: number): number {
  if (value < linearBuckets) return value
  const shift = 32 - Math.clz32(value) - linearBits
  return linearBuckets + (shift - 1) * bucketsPerDoubling + ((value >>> shift) - bucketsPerDoubling)
}

/** The highest value of a bucket. */
function topOf(bucket: number): number {
  if (bucket < linearBuckets) return bucket
  const above = bucket - linearBuckets
  const shift = Math.floor(above / bucketsPerDoubling) + 1
  const head = (above % bucketsPerDoubling) + bucketsPerDoubling
  return (head + 1) * 2 ** shift - 1
}
