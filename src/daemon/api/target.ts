import { badRequest, quoteName } from './errors.ts'

/** A path or query part as the bytes that it stands for, one unit 0..255 per byte. Throws PaxosError BAD_REQUEST. */
export function percentDecode(text: string, what: string): string {
  const first = text.indexOf('%')
  if (first < 0) return text
  let decoded = text.slice(0, first)
  for (let at = first; at < text.length; at++) {
    if (text.charCodeAt(at) !== 0x25) {
      decoded += text[at]
      continue
    }
    const high = hexDigit(text.charCodeAt(at + 1))
    const low = hexDigit(text.charCodeAt(at + 2))
    if (high < 0 || low < 0) throw badRequest(`The percent-encoding of ${what} is broken at character ${at}`)
    decoded += String.fromCharCode(high * 16 + low)
    at += 2
  }
  return decoded
}

function hexDigit(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30
  const lower = unit | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** The parameters of a query, each at most once and only those `allowed`. Values are binary strings. */
export class QueryParameters {
  readonly #values = new Map<string, string>()

  /** Throws PaxosError BAD_REQUEST. */
  constructor(query: string, allowed: readonly string[]) {
    if (query === '') return
    for (const part of query.split('&')) {
      if (part === '') continue
      const equals = part.indexOf('=')
      const name = percentDecode(equals < 0 ? part : part.slice(0, equals), 'a query parameter')
      if (!allowed.includes(name)) throw badRequest(`Unknown query parameter ${quoteName(name)}`, allowedHint(allowed))
      if (this.#values.has(name)) throw badRequest(`Query parameter "${name}" is given twice`)
      // As in forms: a plus is a space, a real plus is %2B.
      const raw = equals < 0 ? '' : part.slice(equals + 1).replaceAll('+', ' ')
      this.#values.set(name, percentDecode(raw, `query parameter "${name}"`))
    }
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  get(name: string): string | undefined {
    return this.#values.get(name)
  }

  /** Throws PaxosError BAD_REQUEST when it is not an integer from `min` to `max`. */
  integer(name: string, min: number, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.#values.get(name)
    return text === undefined ? undefined : parseInteger(text, `Query parameter "${name}"`, min, max)
  }

  /** Only `true` and `false`; absent is false. */
  flag(name: string): boolean {
    return this.choice(name, ['false', 'true'] as const) === 'true'
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.#values.get(name)
    if (text === undefined) return undefined
    const chosen = choices.find((choice) => choice === text)
    if (chosen === undefined) throw badRequest(`Query parameter "${name}" must be ${choices.join(' or ')}`)
    return chosen
  }
}

/** `from` and `to` of slots. Throws PaxosError BAD_REQUEST. */
export function slotRangeOf(parameters: QueryParameters): {
  readonly from: number | undefined
  readonly to: number | undefined
} {
  const from = parameters.integer('from', 0)
  const to = parameters.integer('to', 0)
  if (from !== undefined && to !== undefined && to < from) throw badRequest('to must not be below from')
  return { from, to }
}

/** Digits only, no sign, no leading zeros. Throws PaxosError BAD_REQUEST. */
export function parseInteger(text: string, what: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const value = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw badRequest(`${what} must be an integer from ${min} to ${max}`)
  }
  return value
}

function allowedHint(allowed: readonly string[]): string {
  return allowed.length === 0 ? 'This request takes no query.' : `Known here: ${allowed.join(', ')}.`
}
