import { compareNumbers } from '../../base/order.ts'
import { type Claims, noRevision } from './claims.ts'
import { type History, type Input, isRead, type Operation } from './history.ts'
import { showOperation } from './show.ts'
import type { JournalEntry, Store } from './store.ts'
import type { Violation, ViolationKind } from './verdict.ts'

export interface Replayed {
  readonly history: History
  readonly claims: Claims
  /** By revision: the write of unknown outcome that made it. */
  readonly chosen: ReadonlyMap<number, number>
  readonly journal: readonly JournalEntry[]
  /** By revision above the start: length of the journal when it was made. */
  readonly marks: readonly number[]
  /** As it is at the end. */
  readonly store: Store
  readonly order: () => readonly number[]
}

/**
 * Walks through time with the greatest revision among operations that returned: whatever begins later must be at it
 * (reads) or above (writes). A refused condition claims no revision, so it gets the least one at which it fails, which
 * leaves most room to those after it.
 */
export function realTimeProblem(replayed: Replayed): Violation | undefined {
  const { history, claims, chosen } = replayed
  const { invokedAt, returnedAt, isWrite } = claims
  const revision = claims.revision.slice()
  for (const [at, index] of chosen) revision[index] = at
  const early = earlyStaleRead(history, claims, revision)
  if (early !== undefined) return problem(replayed, 'earlyRead', early)

  const versions = new Versions(replayed)
  const isPlaced = new Uint8Array(revision.length)
  for (const index of claims.refused) isPlaced[index] = 1
  for (let i = 0; i < revision.length; i++) if ((revision[i] ?? noRevision) !== noRevision) isPlaced[i] = 1
  const byInvocation = sortedBy(invokedAt, (index) => isPlaced[index] === 1)
  const byReturn = sortedBy(returnedAt, (index) => isPlaced[index] === 1 && Number.isFinite(returnedAt[index]))
  let floor = history.start.revision
  let holder: number | undefined
  let returned = 0
  for (const index of byInvocation) {
    const now = invokedAt[index] ?? 0
    for (; returned < byReturn.length; returned++) {
      const other = byReturn[returned] ?? 0
      if ((returnedAt[other] ?? 0) >= now) break
      const reached = revision[other] ?? noRevision
      if (reached <= floor) continue
      floor = reached
      holder = other
    }
    const operation = history.operations[index]
    if (operation === undefined || (isRead(operation.input) && operation.input.isStale)) continue
    if (operation.output?.kind === 'mismatch') {
      const at = versions.firstRefusal(operation.input, floor)
      if (at === undefined) return problem(replayed, 'wrongRefusal', [index])
      revision[index] = at
      continue
    }
    const isTooLow = isWrite[index] === 1 || operation.output === undefined ? 0 : 1
    if ((revision[index] ?? 0) + isTooLow > floor) continue
    return problem(
      replayed,
      isTooLow === 1 ? 'staleRead' : 'lateWrite',
      holder === undefined ? [index] : [index, holder],
    )
  }
  return undefined
}

/** A stale read may show an old state, but none with a write that began after the read had ended. */
function earlyStaleRead(history: History, claims: Claims, revision: Float64Array): readonly number[] | undefined {
  const first = history.start.revision
  const writers = claims.writer.slice()
  for (const index of claims.open) {
    const at = (revision[index] ?? noRevision) - first
    if (at > 0) writers[at] = index
  }
  // By revision: of all writes up to it, the one that was invoked last.
  const latest = new Int32Array(writers.length).fill(-1)
  for (let at = 1; at < writers.length; at++) {
    const writer = writers[at] ?? -1
    const before = latest[at - 1] ?? -1
    const isLater = writer >= 0 && (before < 0 || (claims.invokedAt[writer] ?? 0) > (claims.invokedAt[before] ?? 0))
    latest[at] = isLater ? writer : before
  }
  for (let i = 0; i < history.operations.length; i++) {
    const input = history.operations[i]?.input
    if (input === undefined || !isRead(input) || !input.isStale) continue
    const writer = latest[(revision[i] ?? noRevision) - first] ?? -1
    if (writer >= 0 && (claims.invokedAt[writer] ?? 0) > (claims.returnedAt[i] ?? 0)) return [i, writer]
  }
  return undefined
}

function problem(replayed: Replayed, violation: ViolationKind, blocking: readonly number[]): Violation {
  const { operations } = replayed.history
  const [culprit, other] = blocking.map((index) => operations[index])
  const order = replayed.order()
  const end = order.indexOf(blocking[0] ?? -1)
  const message = `${show(culprit)} ${explain(violation, other)}`
  return { violation, message, longestPrefix: end < 0 ? order : order.slice(0, end), blocking }
}

function explain(violation: ViolationKind, other: Operation | undefined): string {
  const about = other === undefined ? 'the start of the history' : show(other)
  switch (violation) {
    case 'staleRead':
      return `began after a later revision was known. ${about} had returned`
    case 'lateWrite':
      return `began after its revision, or a later one, was known. ${about} had returned`
    case 'earlyRead':
      return `ended before a write that it shows began. ${about}`
    default:
      return 'was refused although its condition held from its beginning on'
  }
}

function show(operation: Operation | undefined): string {
  if (operation === undefined) return ''
  const end = operation.returnedAt === undefined ? '…' : operation.returnedAt
  return `[${operation.invokedAt}, ${end}] ${showOperation(operation)}`
}

/** Indices in the order of `times`. Histories come almost sorted, and then nothing is sorted. */
function sortedBy(times: Float64Array, isWanted: (index: number) => boolean): Uint32Array {
  const wanted: number[] = []
  let isSorted = true
  let last = Number.NEGATIVE_INFINITY
  for (let i = 0; i < times.length; i++) {
    if (!isWanted(i)) continue
    const time = times[i] ?? 0
    if (time < last) isSorted = false
    last = time
    wanted.push(i)
  }
  const indices = Uint32Array.from(wanted)
  return isSorted ? indices : indices.sort((a, b) => compareNumbers(times[a] ?? 0, times[b] ?? 0))
}

/** Versions of the keys that refused conditions name, at every revision. */
class Versions {
  readonly #timelines = new Map<string, { readonly revisions: number[]; readonly versions: number[] }>()
  readonly #start: number

  constructor({ history, claims, journal, marks, store }: Replayed) {
    this.#start = history.start.revision
    if (claims.refused.length === 0) return
    const later = new Map<string, number>()
    for (const index of claims.refused) {
      const input = history.operations[index]?.input
      if (input?.kind !== 'put' && input?.kind !== 'delete') continue
      this.#timelines.set(input.key, { revisions: [], versions: [] })
      later.set(input.key, store.get(input.key)?.version ?? 0)
    }
    // Backwards, since the journal holds what was before each change.
    for (let above = marks.length - 1; above > 0; above--) {
      for (let at = (marks[above] ?? 0) - 1; at >= (marks[above - 1] ?? 0); at--) {
        const entry = journal[at]
        const timeline = entry === undefined ? undefined : this.#timelines.get(entry.key)
        if (entry === undefined || timeline === undefined) continue
        if (timeline.revisions.at(-1) !== this.#start + above) {
          timeline.revisions.push(this.#start + above)
          timeline.versions.push(later.get(entry.key) ?? 0)
        }
        later.set(entry.key, entry.before?.version ?? 0)
      }
    }
    for (const [key, { revisions, versions }] of this.#timelines) {
      revisions.push(this.#start)
      versions.push(later.get(key) ?? 0)
      revisions.reverse()
      versions.reverse()
    }
  }

  /** The first revision, `floor` or above, at which the condition does not hold. */
  firstRefusal(input: Input, floor: number): number | undefined {
    if (input.kind !== 'put' && input.kind !== 'delete') return undefined
    const timeline = this.#timelines.get(input.key)
    if (timeline === undefined || input.ifVersion === undefined) return undefined
    const { revisions, versions } = timeline
    let low = 0
    let high = revisions.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((revisions[middle] ?? 0) <= floor) low = middle
      else high = middle
    }
    for (; low < revisions.length; low++) {
      if (versions[low] !== input.ifVersion) return Math.max(floor, revisions[low] ?? floor)
    }
    return undefined
  }
}
