/**
 * The search of Wing and Gong (1993) with the memo of Lowe (2017), over one segment: take any operation that nothing
 * left had to precede, run it, go on with the rest; turn back at a configuration that was met before.
 *
 * - An operation whose output says that it changed nothing, and that agrees, is taken at once and for good: whatever
 *   order exists without it in front exists with it in front.
 * - An uncertain write is taken only where it leads to another state, since otherwise it may as well be left out, and
 *   only after its twin.
 * - The walk stops where all that is certain is done. Uncertain writes that are left may still come in later segments.
 */
import { EventList } from './event-list.ts'
import type { Pending } from './pending.ts'
import type { Segment } from './segments.ts'
import type { States } from './states.ts'
import type { Visits } from './visited.ts'

/** Where a segment begins: a state, the uncertain writes that were not done, and the hash of their set. */
export interface Opening {
  readonly state: number
  readonly uncertain: readonly number[]
  readonly high: number
  readonly low: number
  readonly path: Path | undefined
}

/** The order that led to an opening, segment by segment. */
export interface Path {
  readonly before: Path | undefined
  readonly places: readonly number[]
  readonly length: number
}

/** What all walks over one component share. Arrays are by place. */
export interface Ground {
  readonly operations: readonly Pending[]
  readonly states: States
  readonly visits: Visits
  readonly highs: Uint32Array
  readonly lows: Uint32Array
  /** The same uncertain write before this one, or -1. */
  readonly twins: Int32Array
  /** Between walks, all that came before is done. */
  readonly isDone: Uint8Array
  /** Certain operations below. One longer than the operations. */
  readonly certainBelow: Uint32Array
  /** Model steps left. */
  budget: number
  furthest: { readonly length: number; readonly places: readonly number[]; readonly blocking: readonly number[] }
}

interface Frame {
  readonly node: number
  readonly choices: readonly number[]
  readonly choice: number
  readonly isFinal: boolean
  readonly stateBefore: number
}

const stopped = -1

export class Walk {
  readonly #ground: Ground
  readonly #segment: Segment
  readonly #opening: Opening
  readonly #list: EventList
  readonly #uncertain: readonly number[]
  readonly #stack: Frame[] = []
  readonly #onEnd: (end: Opening) => boolean
  #state: number
  #high: number
  #low: number
  #certainLeft: number

  /** `onEnd` tells whether to go on looking. */
  constructor(ground: Ground, segment: Segment, opening: Opening, onEnd: (end: Opening) => boolean) {
    const { operations, certainBelow } = ground
    this.#ground = ground
    this.#segment = segment
    this.#opening = opening
    this.#onEnd = onEnd
    this.#list = new EventList(operations, segment, opening.uncertain)
    const uncertain = [...opening.uncertain]
    this.#certainLeft = (certainBelow[segment.to] ?? 0) - (certainBelow[segment.from] ?? 0)
    this.#state = opening.state
    this.#high = opening.high
    this.#low = opening.low
    for (let place = segment.from; place < segment.to; place++) {
      if (operations[place]?.isCertain !== false) continue
      uncertain.push(place)
      this.#high ^= ground.highs[place] ?? 0
      this.#low ^= ground.lows[place] ?? 0
    }
    this.#uncertain = uncertain
  }

  /** Finds the ends of the segment, unless the budget is used up first. */
  run(): void {
    const { isDone } = this.#ground
    isDone.fill(0, this.#segment.from, this.#segment.to)
    // Earlier uncertain writes that are not carried were done.
    for (const place of this.#opening.uncertain) isDone[place] = 0
    this.#search()
    isDone.fill(1, this.#segment.from, this.#segment.to)
    for (const place of this.#opening.uncertain) isDone[place] = 1
  }

  #search(): void {
    if (!this.#isNew()) return
    let node = this.#certainLeft === 0 ? this.#end() : (this.#list.next[0] ?? 0)
    while (node !== stopped && this.#ground.budget > 0) {
      if (node === 0 || this.#list.isReturn[node] === 1) {
        this.#noteBlocked(node)
        node = this.#back()
      } else {
        node = this.#enter(node)
      }
    }
  }

  /** Tries the call at `node`. Gives the node to look at next. */
  #enter(node: number): number {
    const place = this.#list.place[node] ?? 0
    const operation = this.#ground.operations[place]
    const twin = this.#ground.twins[place] ?? -1
    const following = this.#list.next[node] ?? 0
    if (operation === undefined || (twin >= 0 && this.#ground.isDone[twin] === 0)) return following
    this.#ground.budget--
    const states = this.#ground.states.step(this.#state, operation)
    if (operation.isIdle && states.length > 0) return this.#takeForGood(node)
    if (operation.isCertain) return this.#take(node, states, 0)
    const changes = states.filter((state) => state !== this.#state)
    return this.#take(node, changes, 0)
  }

  #take(node: number, choices: readonly number[], first: number): number {
    const stateBefore = this.#state
    for (let choice = first; choice < choices.length; choice++) {
      this.#stack.push({ node, choices, choice, isFinal: false, stateBefore })
      this.#apply(node, choices[choice] ?? 0)
      if (this.#isNew()) return this.#goOn()
      this.#stack.pop()
      this.#revert(node, stateBefore)
    }
    return this.#list.next[node] ?? 0
  }

  #takeForGood(node: number): number {
    this.#stack.push({ node, choices: [], choice: 0, isFinal: true, stateBefore: this.#state })
    this.#apply(node, this.#state)
    return this.#isNew() ? this.#goOn() : this.#back()
  }

  #goOn(): number {
    return this.#certainLeft === 0 ? this.#end() : (this.#list.next[0] ?? 0)
  }

  /** Takes back operations until one is found that has something else to try. */
  #back(): number {
    for (let frame = this.#stack.pop(); frame !== undefined; frame = this.#stack.pop()) {
      this.#revert(frame.node, frame.stateBefore)
      if (!frame.isFinal) return this.#take(frame.node, frame.choices, frame.choice + 1)
    }
    return stopped
  }

  #apply(node: number, state: number): void {
    const place = this.#list.place[node] ?? 0
    this.#list.unlink(node)
    this.#ground.isDone[place] = 1
    this.#toggle(place)
    this.#state = state
    if (this.#ground.operations[place]?.isCertain === true) this.#certainLeft--
  }

  #revert(node: number, state: number): void {
    const place = this.#list.place[node] ?? 0
    this.#list.relink(node)
    this.#ground.isDone[place] = 0
    this.#toggle(place)
    this.#state = state
    if (this.#ground.operations[place]?.isCertain === true) this.#certainLeft++
  }

  /** Zobrist hashing: the set is hashed by certain operations that are done and uncertain ones that are not. */
  #toggle(place: number): void {
    this.#high ^= this.#ground.highs[place] ?? 0
    this.#low ^= this.#ground.lows[place] ?? 0
  }

  #isNew(): boolean {
    return this.#ground.visits.add(this.#high, this.#low, this.#state, () => this.#exactName())
  }

  #exactName(): string {
    const { operations, certainBelow } = this.#ground
    const { from, to } = this.#segment
    const lowest = this.#lowestLeft()
    const certain = (certainBelow[to] ?? 0) - (certainBelow[from] ?? 0) - this.#certainLeft
    let above = certain - ((certainBelow[lowest] ?? 0) - (certainBelow[from] ?? 0))
    let name = `${this.#state}|${lowest}`
    for (let place = lowest + 1; above > 0 && place < to; place++) {
      if (this.#ground.isDone[place] === 0 || operations[place]?.isCertain === false) continue
      name += `,${place}`
      above--
    }
    for (const place of this.#uncertain) if (this.#ground.isDone[place] === 0) name += `?${place}`
    return name
  }

  /** The first certain operation that is not done. Calls stand in the list in the order of their places. */
  #lowestLeft(): number {
    for (let node = this.#list.next[0] ?? 0; node !== 0; node = this.#list.next[node] ?? 0) {
      const place = this.#list.place[node] ?? 0
      if (this.#list.isReturn[node] === 0 && this.#ground.operations[place]?.isCertain === true) return place
    }
    return this.#segment.to
  }

  /** All that is certain is done. */
  #end(): number {
    const end = {
      state: this.#state,
      uncertain: this.#uncertain.filter((place) => this.#ground.isDone[place] === 0),
      ...this.#hashOfLeft(),
      path: this.#path(),
    }
    return this.#onEnd(end) ? this.#back() : stopped
  }

  #hashOfLeft(): { high: number; low: number } {
    let high = 0
    let low = 0
    for (const place of this.#uncertain) {
      if (this.#ground.isDone[place] === 1) continue
      high ^= this.#ground.highs[place] ?? 0
      low ^= this.#ground.lows[place] ?? 0
    }
    return { high, low }
  }

  #path(): Path {
    const before = this.#opening.path
    const places = this.#stack.map(({ node }) => this.#list.place[node] ?? 0)
    return { before, places, length: (before?.length ?? 0) + places.length }
  }

  /** The call whose return is at `node` could not be placed, nor what is pending beside it. */
  #noteBlocked(node: number): void {
    const length = (this.#opening.path?.length ?? 0) + this.#stack.length
    const { furthest } = this.#ground
    if (length <= furthest.length && furthest.blocking.length > 0) return
    const blocking = [this.#list.place[node] ?? 0]
    for (let each = this.#list.next[0] ?? 0; each !== node && each !== 0; each = this.#list.next[each] ?? 0) {
      const place = this.#list.place[each] ?? 0
      if (this.#list.isReturn[each] === 0 && !blocking.includes(place)) blocking.push(place)
    }
    this.#ground.furthest = { length, places: placesOf(this.#path()), blocking }
  }
}

function placesOf(path: Path): readonly number[] {
  const parts: (readonly number[])[] = []
  for (let part: Path | undefined = path; part !== undefined; part = part.before) parts.push(part.places)
  return parts.reverse().flat()
}
