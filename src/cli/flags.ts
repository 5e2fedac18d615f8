import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import { formatDuration, parseDuration } from '../base/duration.ts'
import { PaxosError } from '../base/error.ts'

const dayMs = 86_400_000

/** Takes `1500ms`, `10s`, `2m`, `3d` or a bare number of seconds; gives milliseconds. At most a day, or `max`. */
export const duration = Flags.custom<number, { readonly min?: number; readonly max?: number }>({
  helpValue: '<duration>',
  async parse(input, _context, options) {
    const ms = parseDuration(input, 's')
    const max = options.max ?? dayMs
    if (ms === undefined || ms < (options.min ?? 1) || ms > max) {
      throw new PaxosError(
        'USAGE',
        `"${input}" is not a duration like 500ms, 10s or 2m, up to ${formatDuration(max)}`,
        {
          hint: 'A bare number is seconds.',
        },
      )
    }
    return ms
  },
})

/** `2026-11-25T22:47:00Z`, with a zone so that it is the same everywhere; gives milliseconds since 1970. */
export const instant = Flags.custom<number>({
  helpValue: '<time>',
  async parse(input) {
    const isWhole = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(input)
    const ms = isWhole ? Date.parse(input) : Number.NaN
    if (Number.isNaN(ms)) {
      throw new PaxosError('USAGE', `"${input}" is not a time like 2026-11-25T22:47:00Z`, {
        hint: 'Say the zone: Z, or an offset like +01:00.',
      })
    }
    return ms
  },
})

/** A revision, slot or version: a safe integer from `min` on. */
export const counter = Flags.custom<number, { readonly min?: number }>({
  helpValue: '<number>',
  async parse(input, _context, options) {
    const min = options.min ?? 0
    const value = Number(input)
    if (!/^\d+$/.test(input) || !Number.isSafeInteger(value) || value < min) {
      throw new PaxosError('USAGE', `"${input}" is not a whole number from ${min} to ${Number.MAX_SAFE_INTEGER}`)
    }
    return value
  },
})

export const keyArg = Args.string({ required: true, description: 'Key, as text.', ignoreStdin: true })

export const key64Flag = Flags.boolean({ summary: 'Keys are given in base64, for keys that are not text.' })

export const readFlags = {
  revision: counter({ summary: 'Read what was true at this revision.', min: 1 }),
  stale: Flags.boolean({ summary: 'Take what the asked node has, without asking for a quorum.' }),
}

export const rangeFlags = {
  prefix: Flags.string({ summary: 'Keys that begin with this.', helpValue: '<text>', exclusive: ['start', 'end'] }),
  start: Flags.string({ summary: 'First key.', helpValue: '<key>' }),
  end: Flags.string({ summary: 'Key before which to stop.', helpValue: '<key>' }),
}

/** The bytes of a key from the command line. */
export function keyBytes(text: string, isBase64: boolean): Uint8Array {
  if (!isBase64) return Buffer.from(text, 'utf8')
  const bytes = Buffer.from(text, 'base64')
  // Node ignores what it cannot decode; a key with a slip would be another key.
  if (bytes.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) {
    throw new PaxosError('USAGE', `"${text}" is not base64`, { hint: 'Leave --key64 out when the key is text.' })
  }
  return bytes
}

export interface ByteRange {
  readonly prefix?: Uint8Array
  readonly start?: Uint8Array
  readonly end?: Uint8Array
}

export function byteRange(
  flags: {
    readonly prefix?: string | undefined
    readonly start?: string | undefined
    readonly end?: string | undefined
  },
  isBase64: boolean,
): ByteRange {
  const part = (text: string | undefined): Uint8Array | undefined =>
    text === undefined ? undefined : keyBytes(text, isBase64)
  const prefix = part(flags.prefix)
  const start = part(flags.start)
  const end = part(flags.end)
  return { ...(prefix && { prefix }), ...(start && { start }), ...(end && { end }) }
}
