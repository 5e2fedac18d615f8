import { formatDuration, parseDuration } from '../base/duration.ts'

/** One documented value of the configuration. `T` is what the program gets. */
export interface Setting<T> {
  /** One sentence for the example file, the flags and the documents. */
  readonly doc: string
  /** Completes "… is not": `a whole number from 1 to 10`. */
  readonly wanted: string
  /** Undefined for what has no value unless given. */
  readonly fallback: T | undefined
  readonly required: boolean
  /** Not required, and then `without`, when this other setting is given. */
  readonly unless?: { readonly key: string; readonly without: T }
  /** For the example file, when there is no fallback to show. */
  readonly example?: string
  /** Never shown by a node that is asked for its configuration. */
  readonly secret?: boolean
  /** Shown by the flag: `--name <name>`. */
  readonly placeholder: string
  /** What becomes of the excess, when the setting is a limit. */
  readonly excess?: string
  /** The value, or undefined when `raw` is not what is wanted. Flags and environment give text, files give either. */
  read(raw: unknown): T | undefined
}

export type Settings<C> = { readonly [K in keyof C]-?: Setting<C[K]> }

interface Basics<T> {
  readonly doc: string
  readonly fallback?: T
  readonly required?: boolean
  readonly unless?: { readonly key: string; readonly without: T }
  readonly example?: string
  readonly secret?: boolean
  readonly excess?: string
}

function setting<T>(basics: Basics<T>, placeholder: string, wanted: string, read: Setting<T>['read']): Setting<T> {
  return { fallback: undefined, required: false, ...basics, placeholder, wanted, read }
}

export function whole(basics: Basics<number>, min: number, max: number): Setting<number> {
  return setting(basics, 'number', `a whole number from ${min} to ${max}`, (raw) => wholeNumber(raw, min, max))
}

/** 0 switches the feature off; everything between 0 and `min` is a mistake. */
export function wholeOrOff(basics: Basics<number>, min: number, max: number): Setting<number> {
  return setting(basics, 'number', `0 (off) or a whole number from ${min} to ${max}`, (raw) => {
    const value = wholeNumber(raw, 0, max)
    return value === undefined || (value !== 0 && value < min) ? undefined : value
  })
}

const units = new Map([
  ['', 1],
  ['b', 1],
  ['kib', 1024],
  ['mib', 1024 ** 2],
  ['gib', 1024 ** 3],
  ['tib', 1024 ** 4],
])

export function bytes(basics: Basics<number>, min: number, max: number): Setting<number> {
  const wanted = `a size from ${formatBytes(min)} to ${formatBytes(max)}, in bytes or like 512KiB`
  return setting(basics, 'size', wanted, (raw) => {
    const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(String(raw).trim())
    const unit = units.get((match?.[2] ?? '?').toLowerCase())
    if (match === null || unit === undefined || typeof raw === 'boolean') return undefined
    return inRange(Number(match[1]) * unit, min, max)
  })
}

/** In milliseconds, typed with its unit: of a bare number nobody could say whether it is seconds. */
export function duration(basics: Basics<number>, min: number, max: number): Setting<number> {
  const wanted = `a duration from ${formatDuration(min)} to ${formatDuration(max)}, like 30s, 10m or 1h`
  return setting(basics, 'duration', wanted, (raw) => {
    const ms = typeof raw === 'string' ? parseDuration(raw) : undefined
    return ms === undefined ? undefined : inRange(ms, min, max)
  })
}

/** 0 switches the limit off. */
export function bytesOrOff(basics: Basics<number>, min: number, max: number): Setting<number> {
  const limit = bytes(basics, min, max)
  const wanted = `0 (off) or ${limit.wanted}`
  return setting(basics, 'size', wanted, (raw) => (String(raw).trim() === '0' ? 0 : limit.read(raw)))
}

export function text(basics: Basics<string>, placeholder: string, wanted: string, pattern: RegExp): Setting<string> {
  return setting(basics, placeholder, wanted, (raw) => {
    // YAML reads an unquoted 2024 as a number; as a name it is still meant as text.
    const value = typeof raw === 'number' ? String(raw) : raw
    return typeof value === 'string' && pattern.test(value) ? value : undefined
  })
}

export function yesOrNo(basics: Basics<boolean>): Setting<boolean> {
  return setting(basics, 'true|false', 'true or false', (raw) => {
    if (typeof raw === 'boolean') return raw
    return raw === 'true' ? true : raw === 'false' ? false : undefined
  })
}

export function oneOf<const T extends string>(basics: Basics<T>, options: readonly T[]): Setting<T> {
  return setting(basics, options.join('|'), `one of ${options.join(', ')}`, (raw) =>
    options.find((option) => option === raw),
  )
}

/** `host:port` or `[v6]:port`. */
export function address(basics: Basics<string>): Setting<string> {
  return setting(basics, 'host:port', 'an address like 127.0.0.1:7601', (raw) =>
    typeof raw === 'string' && parseAddress(raw) !== undefined ? raw : undefined,
  )
}

export function custom<T>(
  basics: Basics<T>,
  placeholder: string,
  wanted: string,
  read: Setting<T>['read'],
): Setting<T> {
  return setting(basics, placeholder, wanted, read)
}

/** The same setting, for a value that may be left out. */
export function optional<T>(of: Setting<T>): Setting<T | undefined> {
  return of
}

export interface Address {
  readonly host: string
  readonly port: number
}

export function parseAddress(value: string): Address | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)):(\d{1,5})$/i.exec(value)
  const port = Number(match?.[3])
  if (match === null || port > 65535) return undefined
  return { host: match[1] ?? match[2] ?? '', port }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** Listens everywhere, so that no one can dial it by this name. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

export function formatBytes(value: number): string {
  for (const [unit, factor] of [...units].reverse()) {
    if (factor > 1 && value >= factor && value % factor === 0) return `${value / factor}${displayUnit(unit)}`
  }
  return String(value)
}

function displayUnit(unit: string): string {
  return `${unit.charAt(0).toUpperCase()}iB`
}

function wholeNumber(raw: unknown, min: number, max: number): number | undefined {
  if (typeof raw === 'number') return inRange(raw, min, max)
  if (typeof raw === 'string' && /^\d{1,16}$/.test(raw)) return inRange(Number(raw), min, max)
  return undefined
}

function inRange(value: number, min: number, max: number): number | undefined {
  return Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined
}
