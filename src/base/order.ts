/** Compares two numbers for sorting. */
export function compareNumbers(a: number, b: number): number {
  return a - b
}

/** Compares by UTF-16 units, never by locale: the order must be the same on every replica. */
export function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The least string above: nothing lies between. */
export function keyAfter(key: string): string {
  return `${key}\0`
}

/** The first index in sorted `items` whose value is not below `wanted`. */
export function lowerBound<T>(items: readonly T[], wanted: T, compare: (a: T, b: T) => number): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const item = items[middle] as T
    if (compare(item, wanted) < 0) low = middle + 1
    else high = middle
  }
  return low
}
