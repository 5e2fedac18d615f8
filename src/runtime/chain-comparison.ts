/**
 * Compares the hash chains of the members, and finds the first slot that was applied differently. Decides what to ask next
 * from what was answered; asks nothing itself.
 *
 * - Chains that differ at a slot differ at every later one, so the first difference is found by halving: 64 slots a round.
 * - A majority of all members with the same value is right, whoever else differs. Without one nobody is named.
 * - Members whose chains began at another slot than most cannot be compared.
 */
import { assert } from '../base/assert.ts'
import { chainCheckpointSlots } from '../machine/bounds.ts'
import { type ChainValue, chainZero } from '../machine/chain.ts'
import { type NodeId, type Slot, toSlot } from '../protocol/ids.ts'
import { chainSlotsMax } from './peer-message.ts'

/** What one member says of itself and of the slots it was asked for, as far as it still knows. */
export interface ChainReport {
  readonly appliedUpTo: Slot
  readonly since: Slot
  readonly revision: number
  readonly compactedRevision: number
  readonly values: ReadonlyMap<Slot, ChainValue>
}

/** The first difference lies in a slot from `from` up to, not including, `to`. */
export interface Difference {
  readonly from: Slot
  readonly to: Slot
}

export interface MemberVerdict {
  readonly node: NodeId
  /**
   * same: as a majority, or nothing is known against it. diverged: a majority has another value. differs: from others, and
   * no value has a majority. incomparable: its chain began elsewhere, or was compared nowhere but there. silent: no answer.
   */
  readonly state: 'same' | 'diverged' | 'differs' | 'incomparable' | 'silent'
  readonly report: Omit<ChainReport, 'values'> | undefined
  /** The highest slot at which it was compared, and its value there. */
  readonly slot: Slot | undefined
  readonly value: ChainValue | undefined
  /** The highest slot at which it has the value of a majority. */
  readonly agreedUpTo: Slot | undefined
  readonly first: Difference | undefined
}

export interface ChainVerdict {
  /** unknown: too few answered, or they know too little in common. */
  readonly verdict: 'same' | 'diverged' | 'unknown'
  /** A majority has the same value here. */
  readonly checkedUpTo: Slot | undefined
  readonly members: readonly MemberVerdict[]
}

export interface ChainRange {
  /** Differences below it are not looked for. */
  readonly from: Slot | undefined
  /** Compared there, and not where the members are now. */
  readonly to: Slot | undefined
}

/** Every round divides what is left by 31 at least, where anything is known of it. What is left open then is as found. */
const roundsMax = 12

export class ChainComparison {
  readonly #members: readonly NodeId[]
  readonly #range: ChainRange
  readonly #reports = new Map<NodeId, ChainReport>()
  readonly #values = new Map<Slot, Map<NodeId, ChainValue>>()
  readonly #asked = new Set<Slot>()
  readonly #found = new Map<NodeId, { readonly state: 'diverged' | 'differs'; readonly first: Difference }>()
  #comparable: readonly NodeId[] = []
  #since = toSlot(0)
  #rounds = 0

  constructor(members: readonly NodeId[], range: ChainRange) {
    this.#members = members
    this.#range = range
  }

  /** Whom to ask next: after the first round only those who can be compared. */
  get asked(): readonly NodeId[] {
    return this.#rounds === 0 ? this.#members : this.#comparable
  }

  /** Slots to ask for next; undefined when the verdict is there. */
  next(): readonly Slot[] | undefined {
    if (this.#rounds === 0) return []
    const slots = this.#rounds === 1 ? this.#candidates() : this.#search()
    for (const slot of slots) this.#asked.add(slot)
    return slots.length === 0 ? undefined : slots
  }

  add(reports: ReadonlyMap<NodeId, ChainReport>): void {
    this.#rounds++
    if (this.#rounds === 1) {
      for (const [node, report] of reports) this.#reports.set(node, report)
      this.#chooseComparable()
    }
    for (const [node, { values, since }] of reports) {
      // A snapshot may have been installed meanwhile.
      if (!this.#comparable.includes(node) || since !== this.#since) continue
      for (const [slot, value] of values) if (this.#asked.has(slot)) this.#note(slot, node, value)
    }
  }

  verdict(): ChainVerdict {
    const checkedUpTo = this.#checkedUpTo()
    const members = this.#members.map((node) => this.#memberVerdict(node))
    if (this.#found.size > 0) return { verdict: 'diverged', checkedUpTo, members }
    if (checkedUpTo === undefined || this.#provesNothing(checkedUpTo)) {
      return { verdict: 'unknown', checkedUpTo: undefined, members }
    }
    return { verdict: 'same', checkedUpTo, members }
  }

  /** All chains begin alike: where they do says something only of those who have applied nothing more. */
  #provesNothing(checkedUpTo: Slot): boolean {
    const atStart = this.#comparable.filter((node) => this.#reports.get(node)?.appliedUpTo === this.#since)
    return checkedUpTo === this.#since && 2 * atStart.length <= this.#members.length
  }

  #note(slot: Slot, node: NodeId, value: ChainValue): void {
    const values = this.#values.get(slot) ?? new Map<NodeId, ChainValue>()
    this.#values.set(slot, values.set(node, value))
  }

  #chooseComparable(): void {
    const bySince = new Map<Slot, NodeId[]>()
    for (const [node, { since }] of this.#reports) bySince.set(since, [...(bySince.get(since) ?? []), node])
    const groups = [...bySince].sort(([a, nodes], [b, others]) => others.length - nodes.length || a - b)
    const [since, nodes] = groups[0] ?? [toSlot(0), []]
    this.#since = since
    this.#comparable = nodes
    for (const node of nodes) {
      if ((this.#reports.get(node)?.appliedUpTo ?? 0) >= since) this.#note(since, node, chainZero)
    }
  }

  /** Where each member is, and the checkpoint below, which those who are ahead may still know. */
  #candidates(): readonly Slot[] {
    const { from, to } = this.#range
    const applied = this.#comparable.map((node) => this.#reports.get(node)?.appliedUpTo ?? this.#since)
    const ends = to === undefined ? [...new Set(applied)] : [to]
    const slots = new Set(ends.sort((a, b) => b - a).flatMap((end) => [end, checkpointBelow(end)]))
    if (from !== undefined) slots.add(from)
    return [...slots].filter((slot) => slot > this.#since).slice(0, chainSlotsMax)
  }

  /** Slots that narrow down the first difference that is left; none when every one is found as well as can be. */
  #search(): readonly Slot[] {
    for (;;) {
      const open = this.#firstOpen()
      if (open === undefined) return []
      const { nodes, from, to } = open
      const slots = probes(from, this.#knownFrom(nodes, from, to), to).filter((slot) => !this.#asked.has(slot))
      if (slots.length > 0 && !this.#isBelowRange(to) && this.#rounds < roundsMax) return slots
      this.#settle(nodes, { from, to })
    }
  }

  /** Each knows all of its newest slots, and of those before only the checkpoints: below what one does not know, no more is asked. */
  #knownFrom(nodes: readonly NodeId[], from: Slot, to: Slot): Slot {
    const isMissing = (slot: Slot): boolean => nodes.some((node) => this.#values.get(slot)?.has(node) !== true)
    const between = [...this.#asked].filter((slot) => slot > from && slot < to && slot % chainCheckpointSlots !== 0)
    return highest(between.filter(isMissing)) ?? from
  }

  #isBelowRange(to: Slot): boolean {
    return this.#range.from !== undefined && to <= this.#range.from
  }

  /** The lowest slot at which members that nothing is known of differ, and the highest one below where they do not. */
  #firstOpen(): { readonly nodes: readonly NodeId[]; readonly from: Slot; readonly to: Slot } | undefined {
    const slots = [...this.#values.keys()].sort((a, b) => a - b)
    const openAt = (slot: Slot): Map<NodeId, ChainValue> =>
      new Map([...(this.#values.get(slot) ?? [])].filter(([node]) => !this.#found.has(node)))
    for (const [index, to] of slots.entries()) {
      const values = openAt(to)
      if (new Set(values.values()).size < 2) continue
      const nodes = [...values.keys()]
      const from = slots.slice(0, index).findLast((slot) => {
        const below = openAt(slot)
        return nodes.every((node) => below.has(node)) && new Set(nodes.map((node) => below.get(node))).size === 1
      })
      assert(from !== undefined, 'chains that differ where they begin')
      return { nodes, from, to }
    }
    return undefined
  }

  #settle(nodes: readonly NodeId[], first: Difference): void {
    const right = this.#majority(first.to)
    for (const node of nodes) {
      if (right !== undefined && this.#values.get(first.to)?.get(node) === right) continue
      this.#found.set(node, { state: right === undefined ? 'differs' : 'diverged', first })
    }
  }

  /** The value that more than half of all members have. */
  #majority(slot: Slot): ChainValue | undefined {
    const values = [...(this.#values.get(slot)?.values() ?? [])]
    return values.find((value) => 2 * values.filter((other) => other === value).length > this.#members.length)
  }

  #checkedUpTo(): Slot | undefined {
    const slots = [...this.#values.keys()].filter((slot) => this.#majority(slot) !== undefined)
    return highest(slots)
  }

  #memberVerdict(node: NodeId): MemberVerdict {
    const report = this.#reports.get(node)
    const nothing = { slot: undefined, value: undefined, agreedUpTo: undefined, first: undefined }
    if (report === undefined) return { node, state: 'silent', report, ...nothing }
    if (!this.#comparable.includes(node)) return { node, state: 'incomparable', report, ...nothing }
    const found = this.#found.get(node)
    const slots = [...this.#values.keys()].filter((slot) => this.#values.get(slot)?.has(node) === true)
    const agreed = slots.filter((each) => this.#values.get(each)?.get(node) === this.#majority(each))
    const [slot, agreedUpTo] = [highest(slots), highest(agreed)]
    const value = slot === undefined ? undefined : this.#values.get(slot)?.get(node)
    const unfound = slot === this.#since && report.appliedUpTo > slot ? 'incomparable' : 'same'
    return { node, state: found?.state ?? unfound, report, slot, value, agreedUpTo, first: found?.first }
  }
}

/** Strictly between `knownFrom` and `to` all slots, or some; and from `from` on some checkpoints; evenly spread. */
function probes(from: Slot, knownFrom: Slot, to: Slot): readonly Slot[] {
  if (to - from - 1 <= chainSlotsMax) return spread(knownFrom + 1, 1, to - knownFrom - 1)
  const between = to - knownFrom - 1
  const half = chainSlotsMax / 2
  const exact = spread(knownFrom + 1, Math.max(1, (between - 1) / (half - 1)), Math.min(between, half))
  const first = checkpointBelow(from) + chainCheckpointSlots
  const checkpoints = Math.max(0, Math.ceil((to - first) / chainCheckpointSlots))
  const step = Math.max(1, Math.ceil(checkpoints / half))
  const kept = spread(first, step * chainCheckpointSlots, Math.ceil(checkpoints / step))
  return [...new Set([...exact, ...kept])]
}

function spread(first: number, step: number, count: number): Slot[] {
  return Array.from({ length: count }, (_, index) => toSlot(Math.floor(first + index * step)))
}

function highest(slots: readonly Slot[]): Slot | undefined {
  return slots.length === 0 ? undefined : toSlot(Math.max(...slots))
}

function checkpointBelow(slot: number): Slot {
  return toSlot(slot - (slot % chainCheckpointSlots))
}
