import { PaxosError } from '../../base/error.ts'

/** A JSON object, read field by field. Everything throws PaxosError BAD_REQUEST that says where and what was wanted. */
export class JsonRecord {
  readonly #fields: ReadonlyMap<string, unknown>
  readonly #where: string

  constructor(value: unknown, where: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wanted(where, 'an object')
    this.#fields = new Map(Object.entries(value))
    this.#where = where
  }

  has(name: string): boolean {
    return this.#fields.has(name)
  }

  number(name: string): number {
    const value = this.#fields.get(name)
    if (typeof value !== 'number' || !Number.isFinite(value)) throw wanted(this.#path(name), 'a number')
    return value
  }

  counter(name: string): number {
    const value = this.#fields.get(name)
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
      throw wanted(this.#path(name), 'an integer from 0 up')
    }
    return value
  }

  /** Bytes, one unit 0..255 each. */
  text(name: string): string {
    const value = this.#fields.get(name)
    if (typeof value !== 'string' || /[^\0-\xff]/.test(value)) {
      throw wanted(this.#path(name), 'a string of units 0 to 255, one per byte')
    }
    return value
  }

  flag(name: string): boolean {
    const value = this.#fields.get(name)
    if (typeof value !== 'boolean') throw wanted(this.#path(name), 'true or false')
    return value
  }

  choice<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.#fields.get(name)
    const chosen = choices.find((choice) => choice === value)
    if (chosen === undefined) throw wanted(this.#path(name), `one of ${choices.join(', ')}`)
    return chosen
  }

  record(name: string): JsonRecord {
    return new JsonRecord(this.#fields.get(name), this.#path(name))
  }

  list<T>(name: string, read: (record: JsonRecord) => T): readonly T[] {
    const value = this.#fields.get(name)
    if (!Array.isArray(value)) throw wanted(this.#path(name), 'a list')
    return value.map((each: unknown, i) => read(new JsonRecord(each, `${this.#path(name)}[${i}]`)))
  }

  #path(name: string): string {
    return `${this.#where}: ${name}`
  }
}

function wanted(where: string, what: string): PaxosError {
  return new PaxosError('BAD_REQUEST', `Wanted ${what} in ${where}`)
}
