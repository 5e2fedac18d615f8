const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const

/** Milliseconds of `1500ms`, `10s`, `2.5m`, `3d`; of a bare number only with a unit for it. Undefined of anything else. */
export function parseDuration(text: string, bare?: (typeof units)[number][0]): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim())
  const wanted = match?.[2] ?? bare
  const factor = units.find(([unit]) => unit === wanted)?.[1]
  return match === null || factor === undefined ? undefined : Math.round(Number(match[1]) * factor)
}

/** As it would be typed: in the largest unit of which it is a whole number. */
export function formatDuration(ms: number): string {
  const [unit, factor] = units.find(([, each]) => ms >= each && ms % each === 0) ?? ['ms', 1]
  return `${ms / factor}${unit}`
}
