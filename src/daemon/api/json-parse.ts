import { badRequest, quoteName } from './errors.ts'

/** Objects are Maps: no name in a request can be mistaken for a property of ours. */
export type Json = null | boolean | number | string | readonly Json[] | ReadonlyMap<string, Json>

const depthMax = 16
const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * JSON as RFC 8259 has it, and stricter where leniency would hide a mistake: a name twice in one object, a lone
 * surrogate or bytes that are not UTF-8 are errors. Throws PaxosError BAD_REQUEST with the position, never the input.
 */
export function parseJson(bytes: Uint8Array): Json {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw badRequest('The body is not valid UTF-8')
  }
  return new JsonParser(text).document()
}

class JsonParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): Json {
    const value = this.#value(0)
    this.#space()
    if (this.#at < this.#text.length) throw this.#problem('something follows the value')
    return value
  }

  #value(depth: number): Json {
    if (depth > depthMax) throw this.#problem(`nested deeper than ${depthMax}`)
    this.#space()
    const next = this.#text[this.#at]
    switch (next) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#array(depth)
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  #object(depth: number): Json {
    const fields = new Map<string, Json>()
    this.#at++
    this.#space()
    if (this.#skip('}')) return fields
    for (;;) {
      this.#space()
      if (this.#text[this.#at] !== '"') throw this.#problem('a field name was expected')
      const name = this.#string()
      if (fields.has(name)) throw this.#problem(`field ${quoteName(name)} is given twice`)
      this.#space()
      if (!this.#skip(':')) throw this.#problem('":" was expected')
      fields.set(name, this.#value(depth + 1))
      this.#space()
      if (this.#skip('}')) return fields
      if (!this.#skip(',')) throw this.#problem('"," or "}" was expected')
    }
  }

  #array(depth: number): Json {
    const items: Json[] = []
    this.#at++
    this.#space()
    if (this.#skip(']')) return items
    for (;;) {
      items.push(this.#value(depth + 1))
      this.#space()
      if (this.#skip(']')) return items
      if (!this.#skip(',')) throw this.#problem('"," or "]" was expected')
    }
  }

  #string(): string {
    this.#at++
    let text = ''
    for (;;) {
      text += this.#plain()
      if (this.#skip('"')) break
      if (this.#text[this.#at] !== '\\') throw this.#problem('a string is not closed or holds a control character')
      text += this.#escape()
    }
    if (!text.isWellFormed()) throw this.#problem('a string holds half a surrogate pair')
    return text
  }

  /** Up to the next quote, backslash or control character. */
  #plain(): string {
    const start = this.#at
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at)
      // NaN at the end of the text is not above a space either.
      if (!(unit >= 0x20) || unit === 0x22 || unit === 0x5c) return this.#text.slice(start, this.#at)
      this.#at++
    }
  }

  #escape(): string {
    const kind = this.#text[this.#at + 1] ?? ''
    const simple = escapes.get(kind)
    if (simple !== undefined) {
      this.#at += 2
      return simple
    }
    const digits = this.#text.slice(this.#at + 2, this.#at + 6)
    if (kind !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#problem('an escape is not known')
    this.#at += 6
    return String.fromCharCode(Number.parseInt(digits, 16))
  }

  #number(): number {
    numberPattern.lastIndex = this.#at
    const text = numberPattern.exec(this.#text)?.[0]
    if (text === undefined) throw this.#problem('a value was expected')
    this.#at += text.length
    return Number(text)
  }

  #word<T extends Json>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#problem('a value was expected')
    this.#at += word.length
    return value
  }

  #skip(unit: string): boolean {
    if (this.#text[this.#at] !== unit) return false
    this.#at++
    return true
  }

  #space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return
      this.#at++
    }
  }

  #problem(problem: string): Error {
    return badRequest(`The body is not the JSON that was wanted: ${problem} at position ${this.#at}`)
  }
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])
