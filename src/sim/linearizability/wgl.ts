/**
 * The general judge: searches for an order that explains the outputs, without trusting the revisions that they claim.
 *
 * The history is split by key, and each part is cut where nothing was pending; from one cut to the next only the states
 * that are possible there are carried. A part that seems illegal is searched again with exact comparison, so that two
 * configurations with one hash cannot accuse.
 */
import { Random } from '../../base/random.ts'
import { type Component, toComponents, toWhole } from './components.ts'
import type { History } from './history.ts'
import { type Pending, toPending } from './pending.ts'
import { type Segment, toSegments } from './segments.ts'
import { type StatePrecision, States } from './states.ts'
import { canonical } from './values.ts'
import type { Violation } from './verdict.ts'
import { ExactVisits, HashedVisits, type Visits } from './visited.ts'
import { type Ground, type Opening, Walk } from './walk.ts'

export interface WglOptions {
  /** `full` checks revisions as well, which ties all keys together: for small histories. Default `blind`. */
  readonly precision?: StatePrecision | undefined
  /** Model steps for the whole history. */
  readonly budget?: number | undefined
  /** Ends of one segment to carry on from. Beyond, the rest of the part is searched as one. */
  readonly endsMax?: number | undefined
  /** Forgets nothing about configurations from the outset: slower, for tests. */
  readonly isExact?: boolean | undefined
}

/** `steps`: model steps that it took. */
export type WglResult = { readonly kind: 'legal'; readonly steps: number } | Violation

export const wglBudget = 20_000_000
const endsMaxDefault = 1000
/** Configurations of one segment to enumerate before the rest is searched as one. */
const enumerationStepsMax = 200_000

export function searchOrder(history: History, options: WglOptions = {}): WglResult {
  const { precision = 'blind', budget = wglBudget, endsMax = endsMaxDefault, isExact = false } = options
  const pending = toPending(history)
  const { items, revision } = history.start
  const components = precision === 'full' ? [toWhole(pending, items)] : toComponents(pending, items)
  let left = budget
  for (const component of components) {
    for (const visits of isExact ? [new ExactVisits()] : [new HashedVisits(), new ExactVisits()]) {
      const ground = toGround(component, new States(component, revision, precision), visits, left)
      const isLegal = searchComponent(ground, toSegments(component.operations), endsMax)
      left = ground.budget
      if (isLegal) break
      if (left <= 0) return describe(ground, 'undecided', 'Gave up looking for an order of the operations')
      if (visits instanceof ExactVisits) {
        return describe(ground, 'notLinearizable', 'No order of the operations explains their outputs')
      }
    }
  }
  return { kind: 'legal', steps: budget - left }
}

function searchComponent(ground: Ground, segments: readonly Segment[], endsMax: number): boolean {
  let openings: readonly Opening[] = [{ state: ground.states.start, uncertain: [], high: 0, low: 0, path: undefined }]
  for (const [i, segment] of segments.entries()) {
    const isLast = i === segments.length - 1
    const ends = isLast ? undefined : findEnds(ground, segment, openings, endsMax)
    // Too many to list, or no need to: one way to the end of everything is enough.
    if (ends === undefined) return hasEnd(ground, { from: segment.from, to: ground.operations.length }, openings)
    if (ends.length === 0) return false
    openings = ends
  }
  return true
}

/** All ends of a segment, or undefined when there are too many. */
function findEnds(
  ground: Ground,
  segment: Segment,
  openings: readonly Opening[],
  endsMax: number,
): readonly Opening[] | undefined {
  const ends: Opening[] = []
  const { budget } = ground
  ground.visits.clear()
  ground.budget = Math.min(budget, enumerationStepsMax)
  const allowed = ground.budget
  for (const opening of openings) {
    new Walk(ground, segment, opening, (end) => ends.push(end) <= endsMax).run()
    if (ground.budget <= 0 || ends.length > endsMax) break
  }
  const isComplete = ground.budget > 0 && ends.length <= endsMax
  ground.budget = budget - (allowed - ground.budget)
  return isComplete ? ends : undefined
}

function hasEnd(ground: Ground, segment: Segment, openings: readonly Opening[]): boolean {
  let isFound = false
  ground.visits.clear()
  for (const opening of openings) {
    new Walk(ground, segment, opening, () => {
      isFound = true
      return false
    }).run()
    if (isFound) return true
  }
  return false
}

function toGround({ operations }: Component, states: States, visits: Visits, budget: number): Ground {
  // Any seed will do: it decides which sets collide, and a collision cannot accuse.
  const random = new Random(operations.length)
  const draw = (): Uint32Array => Uint32Array.from(operations, () => random.integer(0, 0x100000000))
  const certainBelow = new Uint32Array(operations.length + 1)
  operations.forEach(({ isCertain }, place) => {
    certainBelow[place + 1] = (certainBelow[place] ?? 0) + (isCertain ? 1 : 0)
  })
  const furthest = { length: 0, places: [], blocking: [] }
  const twins = toTwins(operations)
  const isDone = new Uint8Array(operations.length).fill(1)
  return { operations, states, visits, highs: draw(), lows: draw(), twins, isDone, certainBelow, budget, furthest }
}

/** Uncertain writes that do the same are tried in the order of invocation only: the earlier may stand for the later. */
function toTwins(operations: readonly Pending[]): Int32Array {
  const last = new Map<string, number>()
  return Int32Array.from(operations, ({ isCertain, input }, place) => {
    if (isCertain) return -1
    const name = canonical(input)
    const twin = last.get(name) ?? -1
    last.set(name, place)
    return twin
  })
}

function describe({ operations, furthest }: Ground, violation: Violation['violation'], what: string): Violation {
  const toIndex = (place: number): number => operations[place]?.index ?? 0
  const longestPrefix = furthest.places.map(toIndex)
  const message = `${what}: ${longestPrefix.length} of the ${operations.length} that share keys can be placed`
  return { violation, message, longestPrefix, blocking: furthest.blocking.map(toIndex) }
}
