/** One scrape of `/metrics`. */
export interface Scrape {
  /** Monotonic milliseconds. */
  readonly at: number
  readonly values: ReadonlyMap<string, readonly Series[]>
}

interface Series {
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

/** Reads the text format of Prometheus. Lines that are none are left out: what is missing shows as missing. */
export function parseExposition(text: string, at: number): Scrape {
  const values = new Map<string, Series[]>()
  for (const line of text.split('\n')) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    const value = match?.[3] === '+Inf' ? Number.POSITIVE_INFINITY : Number(match?.[3])
    if (match?.[1] === undefined || Number.isNaN(value)) continue
    const labels = new Map<string, string>()
    for (const [, name, quoted] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      if (name !== undefined && quoted !== undefined) labels.set(name, quoted)
    }
    const series = values.get(match[1])
    if (series === undefined) values.set(match[1], [{ labels, value }])
    else series.push({ labels, value })
  }
  return { at, values }
}

/** Of all series of the name that have the label; undefined when there are none. */
export function sumOf({ values }: Scrape, name: string, label?: readonly [string, string]): number | undefined {
  const all = values.get(name)?.filter(({ labels }) => label === undefined || labels.get(label[0]) === label[1])
  if (all === undefined || all.length === 0) return undefined
  return all.reduce((sum, { value }) => sum + value, 0)
}

/** How much a counter rose; undefined when it is not there, or began again with its process. */
export function riseOf(before: Scrape, after: Scrape, name: string): number | undefined {
  const [from, to] = [sumOf(before, name), sumOf(after, name)]
  return from === undefined || to === undefined || to < from ? undefined : to - from
}

export interface Spread {
  readonly count: number
  readonly mean: number | null
  readonly p99: number | null
}

/** What a histogram took in between two scrapes; undefined when that cannot be said. */
export function spreadOf(before: Scrape, after: Scrape, name: string): Spread | undefined {
  const count = riseOf(before, after, `${name}_count`)
  const sum = riseOf(before, after, `${name}_sum`)
  if (count === undefined || sum === undefined) return undefined
  if (count === 0) return { count, mean: null, p99: null }
  const buckets = (after.values.get(`${name}_bucket`) ?? [])
    .map(({ labels }) => labels.get('le') ?? '')
    .map((le) => ({
      le: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
      below: (sumOf(after, `${name}_bucket`, ['le', le]) ?? 0) - (sumOf(before, `${name}_bucket`, ['le', le]) ?? 0),
    }))
    .sort((a, b) => a.le - b.le)
  return { count, mean: sum / count, p99: quantile(buckets, 0.99 * count) }
}

/** Evenly within its bucket; what is above the last bound is said to be at that bound. */
function quantile(buckets: readonly { readonly le: number; readonly below: number }[], rank: number): number | null {
  let lower = { le: 0, below: 0 }
  for (const bucket of buckets) {
    if (bucket.below >= rank) {
      if (bucket.le === Number.POSITIVE_INFINITY) return lower.le
      const share = bucket.below === lower.below ? 1 : (rank - lower.below) / (bucket.below - lower.below)
      return lower.le + share * (bucket.le - lower.le)
    }
    lower = bucket
  }
  return null
}
