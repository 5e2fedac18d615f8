import { toBinary } from '../../base/bytes.ts'
import { badRequest, quoteName } from './errors.ts'
import type { Json } from './json-parse.ts'

/** One JSON object, read field by field. A field that is not `allowed` is refused by name. */
export class JsonFields {
  readonly #fields: ReadonlyMap<string, Json>
  readonly #where: string

  /** `where` names the object in errors. Throws PaxosError BAD_REQUEST. */
  constructor(value: Json | undefined, where: string, allowed: readonly string[]) {
    if (!isObject(value)) throw badRequest(`${where} must be a JSON object`)
    for (const name of value.keys()) {
      if (!allowed.includes(name)) {
        throw badRequest(`Unknown field ${quoteName(name)} in ${where}`, `Known here: ${allowed.join(', ')}.`)
      }
    }
    this.#fields = value
    this.#where = where
  }

  has(name: string): boolean {
    return this.#fields.has(name)
  }

  get(name: string): Json | undefined {
    return this.#fields.get(name)
  }

  integer(name: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
    const value = this.#fields.get(name)
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
      throw badRequest(`"${name}" in ${this.#where} must be an integer from ${min} to ${max}`)
    }
    return value
  }

  choice<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.#fields.get(name)
    const chosen = choices.find((choice) => choice === value)
    if (chosen === undefined) throw badRequest(`"${name}" in ${this.#where} must be one of ${choices.join(', ')}`)
    return chosen
  }

  flag(name: string): boolean {
    const value = this.#fields.get(name)
    if (typeof value !== 'boolean') throw badRequest(`"${name}" in ${this.#where} must be true or false`)
    return value
  }

  /** Absent is empty. */
  list(name: string): readonly Json[] {
    const value = this.#fields.get(name)
    if (value === undefined) return []
    if (!Array.isArray(value)) throw badRequest(`"${name}" in ${this.#where} must be a list`)
    return value
  }

  /** Text in field `name`, or base64 in field `name64`; not both. */
  bytes(name: string): Uint8Array | undefined {
    const text = this.#fields.get(name)
    const base64 = this.#fields.get(`${name}64`)
    if (text !== undefined && base64 !== undefined) {
      throw badRequest(`"${name}" and "${name}64" in ${this.#where} exclude each other`)
    }
    if (base64 !== undefined) return fromBase64(base64, `"${name}64" in ${this.#where}`)
    if (text === undefined) return undefined
    if (typeof text !== 'string') throw badRequest(`"${name}" in ${this.#where} must be text`)
    return Buffer.from(text, 'utf8')
  }

  /** The same as a binary string. */
  binary(name: string): string | undefined {
    const bytes = this.bytes(name)
    return bytes === undefined ? undefined : toBinary(bytes)
  }
}

function isObject(value: Json | undefined): value is ReadonlyMap<string, Json> {
  return value instanceof Map
}

function fromBase64(value: Json, what: string): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : undefined
  // Buffer.from skips what is not base64; encoding again shows whether anything was lost.
  if (bytes === undefined || bytes.toString('base64') !== value) {
    throw badRequest(`${what} must be base64 with padding`)
  }
  return bytes
}
