/**
 * Which write of unknown outcome may have made a revision that no known write claims.
 *
 * Three things narrow it down: items that answers show with that revision; the version that the next known operation on
 * a key found there; and time, since it was invoked before anything that saw the revision had returned. Writes that do
 * the same are taken in the order of their invocation: the earlier one may stand wherever the later one may.
 */
import { compareNumbers } from '../../base/order.ts'
import { Random } from '../../base/random.ts'
import type { KeyRange } from '../../machine/request.ts'
import type { Claims } from './claims.ts'
import { type History, type Input, isWithin, itemsOf, keysOf, type Output, putsOf, rangesOf } from './history.ts'
import type { Store } from './store.ts'
import { canonical, putKey, Values } from './values.ts'

interface Evidence {
  readonly key: string
  /** Undefined when only the creation of the key is shown. */
  readonly value: string | undefined
  readonly isCreation: boolean
}

/** What known operations found, by place in the claimed order. `undefined`: it may change the version without telling. */
interface Sightings {
  readonly places: number[]
  readonly versions: (number | undefined)[]
  /** Open writes that may delete the key. */
  readonly deleters: number[]
  /** Open writes that may put the key, each as often as it does. */
  readonly putters: number[]
}

export class Gaps {
  readonly #history: History
  readonly #claims: Claims
  /** By revision above the start: when the first operation returned that saw it. */
  readonly #seenAt: Float64Array
  readonly #evidence = new Map<number, Evidence[]>()
  readonly #pinned = new Map<number, number>()
  readonly #classes = new Map<number, string>()
  readonly #sightings = new Map<string, Sightings>()
  readonly #used = new Set<number>()
  #high = 0
  #low = 0
  /** By revision above the start: unclaimed ones up to it. */
  readonly #unclaimed: Uint32Array
  /** Some open write may change several keys at once. */
  readonly #hasWide: boolean

  constructor(history: History, claims: Claims) {
    this.#history = history
    this.#claims = claims
    this.#seenAt = seenAt(claims, history.start.revision)
    this.#unclaimed = countUnclaimed(claims)
    this.#hasWide = claims.open.some(
      (index) => rangesOf(this.#operation(index).input).length > 0 || this.#operation(index).input.kind === 'txn',
    )
    if (claims.open.length === 0) return
    const values = new Values(history.operations, history.start.items)
    for (const index of claims.open) {
      const { input } = this.#operation(index)
      this.#classes.set(index, canonical(values.withoutUnseen(input)))
      for (const key of keysOf(input)) this.#sightings.set(key, { places: [], versions: [], deleters: [], putters: [] })
    }
    for (const index of claims.open) this.#noteChanges(index)
    this.#collectEvidence(values)
    claims.order.forEach((index, place) => {
      this.#sight(index, place)
    })
  }

  /**
   * Open writes that may have made `revision`, the likeliest first. `place` is where the claimed order goes on; `missed`
   * is a key that wants a change.
   */
  candidates(revision: number, place: number, store: Store, missed: string | undefined): readonly number[] {
    const latest = this.#seenAt[revision - this.#history.start.revision] ?? Number.POSITIVE_INFINITY
    const seen = new Set<string>()
    const found: { index: number; deadline: number }[] = []
    for (const index of this.#claims.open) {
      if ((this.#claims.invokedAt[index] ?? 0) > latest) break
      if (this.#used.has(index)) continue
      const pinned = this.#pinned.get(index)
      if (pinned !== undefined && pinned !== revision) continue
      const group = this.#classes.get(index) ?? ''
      if (seen.has(group)) continue
      seen.add(group)
      const { input } = this.#operation(index)
      const deadline = this.#deadline(input, place, store)
      const isMissed = missed !== undefined && keysOf(input).includes(missed)
      if (deadline !== undefined) found.push({ index, deadline: isMissed ? place : deadline })
    }
    // What nobody misses was most likely done soon after it was asked for.
    return found.sort((a, b) => compareNumbers(a.deadline, b.deadline) || b.index - a.index).map((each) => each.index)
  }

  /**
   * Whether the store, right after `revision` was made, holds what answers show of it, and whether the unclaimed revisions
   * that are left suffice for the changes that later operations want.
   */
  fits(revision: number, place: number, store: Store): boolean {
    for (const { key, value, isCreation } of this.#evidence.get(revision) ?? []) {
      const item = store.get(key)
      if (item === undefined) return false
      if (isCreation ? item.createRevision !== revision : item.modRevision !== revision) return false
      if (value !== undefined && item.value !== value) return false
    }
    return this.#canMeetWants(revision, place, store)
  }

  /** One transaction may serve several keys, so there the least that may do is one revision. */
  #canMeetWants(revision: number, place: number, store: Store): boolean {
    const wants: { readonly until: number; readonly count: number }[] = []
    for (const [key, sightings] of this.#sightings) {
      const next = firstAtLeast(sightings.places, place)
      const wanted = sightings.versions[next]
      const version = store.get(key)?.version ?? 0
      if (wanted === undefined || wanted === version) continue
      const until = this.#positionOf(sightings, next)
      if (version > wanted && !this.#canVanish(sightings, until)) return false
      if (!this.#canRise(sightings, until, version < wanted ? wanted - version : wanted)) return false
      const count = version < wanted ? wanted - version : wanted + 1
      wants.push({ until, count: this.#hasWide ? 1 : count })
    }
    wants.sort((a, b) => a.until - b.until)
    let total = 0
    for (const { until, count } of wants) {
      total = this.#hasWide ? 1 : total + count
      if (total > this.#unclaimedUpTo(until) - this.#unclaimedUpTo(revision)) return false
    }
    return true
  }

  #positionOf({ places }: Sightings, next: number): number {
    return this.#claims.position[this.#claims.order[places[next] ?? 0] ?? 0] ?? 0
  }

  #canVanish({ deleters }: Sightings, until: number): boolean {
    const latest = this.#seenAt[until - this.#history.start.revision] ?? Number.POSITIVE_INFINITY
    return deleters.some((index) => !this.#used.has(index) && (this.#claims.invokedAt[index] ?? 0) <= latest)
  }

  /** Only a put of the very key raises its version. */
  #canRise({ putters }: Sightings, until: number, by: number): boolean {
    const latest = this.#seenAt[until - this.#history.start.revision] ?? Number.POSITIVE_INFINITY
    let left = by
    for (const index of putters) {
      if (left <= 0) return true
      if (!this.#used.has(index) && (this.#claims.invokedAt[index] ?? 0) <= latest) left--
    }
    return left <= 0
  }

  #unclaimedUpTo(revision: number): number {
    return this.#unclaimed[revision - this.#history.start.revision] ?? 0
  }

  /**
   * Of the open writes in use, by a hash of their set (Zobrist), and of the versions that they led to. Two states may share
   * it, so it may save work and must not decide.
   */
  nameOf(store: Store): string {
    let name = `${this.#high}.${this.#low}`
    for (const key of this.#sightings.keys()) name += ` ${store.get(key)?.version ?? 0}`
    return name
  }

  use(index: number): void {
    this.#used.add(index)
    this.#toggle(index)
  }

  release(index: number): void {
    this.#used.delete(index)
    this.#toggle(index)
  }

  #toggle(index: number): void {
    const random = new Random(index)
    this.#high ^= random.integer(0, 2 ** 31)
    this.#low ^= random.integer(0, 2 ** 31)
  }

  /** When the change is wanted, as a place in the order; Infinity when nobody misses it, undefined when it cannot be. */
  #deadline(input: Input, place: number, store: Store): number | undefined {
    let deadline = Number.POSITIVE_INFINITY
    for (const key of keysOf(input)) {
      const sightings = this.#sightings.get(key)
      const next = sightings === undefined ? -1 : firstAtLeast(sightings.places, place)
      const wanted = sightings?.versions[next]
      if (sightings === undefined || wanted === undefined) continue
      const version = store.get(key)?.version ?? 0
      if (input.kind === 'put' && version >= wanted && !this.#canVanish(sightings, this.#positionOf(sightings, next))) {
        return undefined
      }
      const isMissed = input.kind === 'delete' ? version > wanted : version < wanted
      if (isMissed) deadline = Math.min(deadline, sightings.places[next] ?? deadline)
    }
    return deadline
  }

  #noteChanges(index: number): void {
    const { input } = this.#operation(index)
    for (const { key } of putsOf(input)) this.#sightings.get(key)?.putters.push(index)
    for (const [key, sightings] of this.#sightings) {
      const isNamed = input.kind === 'delete' && input.key === key
      if (isNamed || rangesOf(input).some((range) => isWithin(key, range))) sightings.deleters.push(index)
    }
  }

  #collectEvidence(values: Values): void {
    const { start, operations } = this.#history
    const openByPut = new Map<string, number>()
    for (const index of this.#claims.open) {
      for (const { key, value } of putsOf(this.#operation(index).input)) openByPut.set(putKey(key, value), index)
    }
    const note = (revision: number, evidence: Evidence): void => {
      const isClaimed = (this.#claims.writer[revision - start.revision] ?? 0) >= 0
      if (revision <= start.revision || isClaimed) return
      const list = this.#evidence.get(revision)
      if (list === undefined) this.#evidence.set(revision, [evidence])
      else if (!list.some((each) => each.key === evidence.key && each.value === evidence.value)) list.push(evidence)
    }
    for (const { input, output } of operations) {
      if (output === undefined) continue
      const hidesValues = input.kind === 'range' && input.keysOnly
      for (const { key, value, createRevision, modRevision } of itemsOf(output)) {
        note(createRevision, { key, value: undefined, isCreation: true })
        note(modRevision, { key, value: hidesValues ? undefined : value, isCreation: false })
        const index = openByPut.get(putKey(key, value))
        if (hidesValues || index === undefined || !values.isUnique(key, value)) continue
        if (!this.#pinned.has(index)) this.#pinned.set(index, modRevision)
      }
    }
  }

  #sight(index: number, place: number): void {
    const { input, output } = this.#operation(index)
    const note = (key: string, version: number | undefined): void => {
      const sightings = this.#sightings.get(key)
      if (sightings === undefined) return
      sightings.places.push(place)
      sightings.versions.push(version)
    }
    if (input.kind === 'put' && output?.kind === 'put') note(input.key, output.version - 1)
    else if (input.kind === 'delete' && output?.kind === 'delete') note(input.key, output.deleted === 0 ? 0 : undefined)
    else if (output?.kind === 'item' && input.kind === 'get') note(input.key, output.item?.version ?? 0)
    else if (output?.kind === 'items') for (const item of output.items) note(item.key, item.version)
    else if (input.kind === 'txn' && output?.kind === 'txn') this.#sightTxn(input, output, note)
    else if (input.kind === 'deleteRange') this.#noteWithin(input.range, note)
  }

  /** Of a key that it touches twice, the first counts: that is what it found. */
  #sightTxn(input: Txn, { succeeded, results }: TxnOutput, note: Note): void {
    if (succeeded) {
      for (const { key, target, op, operand } of input.compare) {
        if (target === 'version' && op === '=') note(key, Number(operand))
      }
    }
    const steps = succeeded ? input.then : input.else
    steps.forEach((step, at) => {
      const result = results[at]
      if (step.kind === 'put' && result?.kind === 'put') note(step.key, result.version - 1)
      else if (result?.kind === 'get') for (const { key, version } of result.items) note(key, version)
      else if (step.kind === 'delete') this.#noteWithin(step.range, note)
    })
  }

  #noteWithin(range: KeyRange, note: Note): void {
    for (const key of this.#sightings.keys()) if (isWithin(key, range)) note(key, undefined)
  }

  #operation(index: number): { readonly input: Input; readonly output: History['operations'][number]['output'] } {
    return this.#history.operations[index] ?? noOperation
  }
}

type Txn = Extract<Input, { kind: 'txn' }>
type TxnOutput = Extract<Output, { kind: 'txn' }>
type Note = (key: string, version: number | undefined) => void

const noOperation = {
  input: { kind: 'get', key: '', at: undefined, isStale: true },
  output: undefined,
} as const

function seenAt({ order, revision, returnedAt, writer }: Claims, start: number): Float64Array {
  const seen = new Float64Array(writer.length).fill(Number.POSITIVE_INFINITY)
  for (const index of order) {
    const at = (revision[index] ?? 0) - start
    seen[at] = Math.min(seen[at] ?? 0, returnedAt[index] ?? 0)
  }
  for (let at = seen.length - 2; at >= 0; at--) seen[at] = Math.min(seen[at] ?? 0, seen[at + 1] ?? 0)
  return seen
}

function countUnclaimed({ writer }: Claims): Uint32Array {
  const counts = new Uint32Array(writer.length)
  for (let at = 1; at < writer.length; at++) counts[at] = (counts[at - 1] ?? 0) + ((writer[at] ?? -1) < 0 ? 1 : 0)
  return counts
}

function firstAtLeast(sorted: readonly number[], wanted: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) < wanted) low = middle + 1
    else high = middle
  }
  return low
}
