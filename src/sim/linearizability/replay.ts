/**
 * The revision-replay checker. Every output claims the revision at which it took effect, so there is one order to look
 * at: run the model along it, compare every result, and see that it respects real time. O(n log n).
 *
 * Revisions that no known write claims are given to writes of unknown outcome (`gaps.ts`); only there is a search, and
 * it goes back to the last choice when the order breaks. It is tried twice: first what differs only in the order of the
 * same open writes is taken to be alike, which is nearly always true and saves factorials; what finds nothing that way
 * proves nothing, and the whole search follows.
 */
import { type Claims, collectClaims } from './claims.ts'
import { Gaps } from './gaps.ts'
import { type History, type Input, isChange, isRead, keysOf, type Operation, type Output, rangesOf } from './history.ts'
import { agree, execute } from './model.ts'
import { realTimeProblem } from './real-time.ts'
import { showInput, showOperation, showOutput } from './show.ts'
import { JournaledStore } from './store.ts'
import type { Violation, ViolationKind } from './verdict.ts'

/** `order` holds indices into the operations. Writes of unknown outcome that made no difference are not in it. */
export type ReplayResult = { readonly kind: 'legal'; readonly order: readonly number[] } | Violation

/** Operations run before the search for the writes behind unclaimed revisions gives up, beside one for each operation. */
export const replayBudget = 20_000_000

export function replay(history: History, budget = replayBudget): ReplayResult {
  const claims = collectClaims(history)
  if ('violation' in claims) return claims
  const steps = budget + history.operations.length
  const quick = new Run(history, claims, steps, new Set())
  if (quick.search()) return { kind: 'legal', order: quick.orderSoFar() }
  const run = new Run(history, claims, steps, undefined)
  const isLegal = run.search()
  const { furthest } = run
  if (isLegal || furthest === undefined) return { kind: 'legal', order: run.orderSoFar() }
  if (!run.isOverBudget) return furthest
  const message = `Gave up looking for the writes behind unclaimed revisions. The furthest that was reached: ${furthest.message}`
  return { ...furthest, violation: 'undecided', message }
}

/** A revision that an open write was chosen for, and how to go back to before. */
interface Choice {
  readonly place: number
  readonly revision: number
  readonly journalLength: number
  readonly candidates: readonly number[]
  tried: number
  used: number | undefined
}

class Run {
  readonly #history: History
  readonly #claims: Claims
  readonly #store: JournaledStore
  readonly #gaps: Gaps
  readonly #choices: Choice[] = []
  /** Where the search has been, by place, revision, the open writes that were used, and what they made. */
  readonly #visited: Set<string> | undefined
  /** By revision above the start: length of the journal when it was made. */
  readonly #marks: number[] = [0]
  /** By revision: the open write that was chosen for it. */
  readonly #chosen = new Map<number, number>()
  #revision: number
  #place = 0
  #budget: number
  #furthest: Violation | undefined
  #furthestPlace = 0

  constructor(history: History, claims: Claims, budget: number, visited: Set<string> | undefined) {
    this.#history = history
    this.#claims = claims
    this.#gaps = new Gaps(history, claims)
    this.#revision = history.start.revision
    this.#budget = budget
    this.#visited = visited
    const ranges = history.operations.some(({ input }) => rangesOf(input).length > 0)
    const journal = claims.open.length > 0 || claims.refused.length > 0
    this.#store = new JournaledStore(history.start.items, { ranges, journal })
  }

  get isOverBudget(): boolean {
    return this.#budget <= 0
  }

  /** What stopped the attempt that came furthest. */
  get furthest(): Violation | undefined {
    return this.#furthest
  }

  /** Whether a legal order was found. */
  search(): boolean {
    let isLegal = this.#finish()
    while (!isLegal && this.#retry()) isLegal = this.#finish()
    return isLegal
  }

  /** Follows the claimed order to its end, and then real time. */
  #finish(): boolean {
    const { order, position, isWrite } = this.#claims
    for (; this.#place < order.length; this.#place++) {
      const index = order[this.#place] ?? 0
      const wanted = (position[index] ?? 0) - (isWrite[index] ?? 0)
      while (this.#revision < wanted) {
        if (!this.#fill()) return this.#failed(() => this.#unclaimed(index))
      }
      this.#budget--
      const { input, output } = this.#history.operations[index] ?? {}
      if (input === undefined || output === undefined) continue
      const expected = execute(this.#store, input, this.#revision, this.#revision + 1)
      const isPast = isRead(input) && input.at !== undefined
      if (!agree(expected, output, isPast ? 'data' : 'full')) return this.#failed(() => this.#wrong(index, expected))
      if (isChange(expected)) this.#made(this.#revision + 1)
    }
    for (;;) {
      const problem = this.#realTimeProblem()
      if (problem === undefined) return true
      // A write that no known operation came after may still be what a condition was refused for.
      const isRefusal = problem.violation === 'wrongRefusal'
      if (!isRefusal || !this.#fill(this.#keyOf(problem.blocking[0]))) return this.#failed(() => problem)
    }
  }

  /** Goes back to the last choice that has another candidate, and takes that. */
  #retry(): boolean {
    while (this.#budget > 0) {
      const choice = this.#choices.at(-1)
      if (choice === undefined) return false
      this.#store.undo(choice.journalLength)
      this.#place = choice.place
      this.#revision = choice.revision
      this.#marks.length = choice.revision - this.#history.start.revision + 1
      if (choice.used !== undefined) {
        this.#gaps.release(choice.used)
        this.#chosen.delete(choice.revision + 1)
        choice.used = undefined
      }
      if (this.#take(choice)) return true
      this.#choices.pop()
    }
    return false
  }

  /** The legal sequence up to here, chosen writes included. */
  orderSoFar(): number[] {
    const { order, position, isWrite } = this.#claims
    const found: number[] = []
    let revision = this.#history.start.revision
    const fillUpTo = (to: number): void => {
      for (; revision < to; revision++) {
        const chosen = this.#chosen.get(revision + 1)
        if (chosen !== undefined) found.push(chosen)
      }
    }
    for (const index of order.subarray(0, this.#place)) {
      fillUpTo((position[index] ?? 0) - (isWrite[index] ?? 0))
      found.push(index)
    }
    fillUpTo(this.#revision)
    return found
  }

  #realTimeProblem(): Violation | undefined {
    this.#budget -= this.#history.operations.length
    return realTimeProblem({
      history: this.#history,
      claims: this.#claims,
      chosen: this.#chosen,
      journal: this.#store.journal,
      marks: this.#marks,
      store: this.#store,
      order: () => this.orderSoFar(),
    })
  }

  /** Tells the violation only when it is the furthest: that takes a copy of the order. */
  #failed(violation: () => Violation): false {
    if (this.#furthest === undefined || this.#place > this.#furthestPlace) {
      this.#furthest = violation()
      this.#furthestPlace = this.#place
    }
    return false
  }

  #made(revision: number): void {
    this.#revision = revision
    this.#marks.push(this.#store.journal.length)
  }

  /** `missed` is the key that wants a change. */
  #fill(missed?: string): boolean {
    if (this.#claims.open.length === 0) return false
    const choice: Choice = {
      place: this.#place,
      revision: this.#revision,
      journalLength: this.#store.journal.length,
      candidates: this.#gaps.candidates(this.#revision + 1, this.#place, this.#store, missed),
      tried: 0,
      used: undefined,
    }
    if (!this.#take(choice)) return false
    this.#choices.push(choice)
    return true
  }

  #take(choice: Choice): boolean {
    const revision = choice.revision + 1
    while (choice.tried < choice.candidates.length) {
      const index = choice.candidates[choice.tried++] ?? 0
      const input = this.#history.operations[index]?.input
      this.#budget--
      this.#gaps.use(index)
      if (
        input !== undefined &&
        this.#changes(input, revision) &&
        this.#gaps.fits(revision, choice.place, this.#store) &&
        this.#isNew(`${choice.place} ${revision} ${this.#gaps.nameOf(this.#store)}`)
      ) {
        this.#chosen.set(revision, index)
        choice.used = index
        this.#made(revision)
        return true
      }
      this.#gaps.release(index)
      this.#store.undo(choice.journalLength)
    }
    return false
  }

  #isNew(name: string): boolean {
    if (this.#visited === undefined) return true
    const isNew = !this.#visited.has(name)
    this.#visited.add(name)
    return isNew
  }

  #changes(input: Input, revision: number): boolean {
    return isChange(execute(this.#store, input, revision - 1, revision))
  }

  #unclaimed(index: number): Violation {
    const revision = this.#revision + 1
    const message = `Revision ${revision} was made by no operation, and ${this.#show(index)} came after it`
    return this.#violation('unclaimedRevision', message, index)
  }

  #wrong(index: number, expected: Output): Violation {
    const message = `${this.#show(index)}, but at that revision it gives ${showOutput(expected)}`
    return this.#violation('wrongResult', message, index)
  }

  #violation(violation: ViolationKind, message: string, index: number): Violation {
    return { violation, message, longestPrefix: this.orderSoFar(), blocking: [index] }
  }

  #keyOf(index: number | undefined): string | undefined {
    const input = index === undefined ? undefined : this.#history.operations[index]?.input
    return input === undefined ? undefined : keysOf(input)[0]
  }

  #show(index: number): string {
    const operation: Operation | undefined = this.#history.operations[index]
    if (operation === undefined) return ''
    return operation.output === undefined ? showInput(operation.input) : showOperation(operation)
  }
}
