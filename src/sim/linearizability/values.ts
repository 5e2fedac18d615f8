import { type Input, type Item, itemsOf, type Operation, putsOf, type Step } from './history.ts'

/** Stands for any value that nobody saw. It is no binary string, so it equals no value. */
const unseen = '\u{ffff}'
/** Between the parts of a key of our own maps: no byte. */
const separator = '\u0100'

export function putKey(key: string, value: string): string {
  return `${key}${separator}${value}`
}

/** Equal for inputs that do the same. */
export function canonical(input: Input): string {
  return JSON.stringify(input)
}

/** Which values were written how often, and which were ever seen. */
export class Values {
  readonly #writes = new Map<string, number>()
  readonly #firstSeenAt = new Map<string, number>()
  readonly #comparedKeys = new Set<string>()
  /** An answer was cut off by its size, so the size of every value matters. */
  #sizesMatter = false

  constructor(operations: readonly Operation[], startItems: readonly Item[]) {
    for (const { key, value } of startItems) this.#countWrite(key, value)
    for (const { input, output, returnedAt } of operations) {
      for (const { key, value } of putsOf(input)) this.#countWrite(key, value)
      if (input.kind === 'txn') {
        for (const { key, target } of input.compare) if (target === 'value') this.#comparedKeys.add(key)
      }
      if (output === undefined) continue
      if ((output.kind === 'items' && output.more) || output.kind === 'txn')
        this.#sizesMatter ||= isCutOff(input, output)
      if (input.kind === 'range' && input.keysOnly) continue
      for (const { key, value } of itemsOf(output)) this.#see(key, value, returnedAt ?? Number.POSITIVE_INFINITY)
    }
  }

  /** One put in the whole history may have written it. */
  isUnique(key: string, value: string): boolean {
    return this.#writes.get(putKey(key, value)) === 1
  }

  /** When the first operation returned that showed it; undefined when none did. */
  firstSeenAt(key: string, value: string): number | undefined {
    return this.#firstSeenAt.get(putKey(key, value))
  }

  /** The same input with one stand-in for all values that nobody saw: they are alike to every observer. */
  withoutUnseen(input: Input): Input {
    if (this.#sizesMatter) return input
    if (input.kind === 'put') return { ...input, value: this.#standIn(input.key, input.value) }
    if (input.kind !== 'txn') return input
    const replace = (step: Step): Step =>
      step.kind === 'put' ? { ...step, value: this.#standIn(step.key, step.value) } : step
    const then = input.then.map(replace)
    return { ...input, then, else: input.else.map(replace) }
  }

  #standIn(key: string, value: string): string {
    return this.#comparedKeys.has(key) || this.#firstSeenAt.has(putKey(key, value)) ? value : unseen
  }

  #countWrite(key: string, value: string): void {
    const name = putKey(key, value)
    this.#writes.set(name, (this.#writes.get(name) ?? 0) + 1)
  }

  #see(key: string, value: string, at: number): void {
    const name = putKey(key, value)
    this.#firstSeenAt.set(name, Math.min(this.#firstSeenAt.get(name) ?? Number.POSITIVE_INFINITY, at))
  }
}

/** Whether an answer ends before its limit. */
function isCutOff(input: Input, output: NonNullable<Operation['output']>): boolean {
  if (output.kind === 'items') return output.more && input.kind === 'range' && output.items.length !== input.limit
  if (output.kind !== 'txn' || input.kind !== 'txn') return false
  const steps = output.succeeded ? input.then : input.else
  return output.results.some((result, i) => {
    const step = steps[i]
    return result.kind === 'get' && result.more && step?.kind === 'get' && result.items.length !== step.limit
  })
}
