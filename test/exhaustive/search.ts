/**
 * Breadth-first search over all that can happen in a scope. A state is what every node holds, which messages were sent and
 * may still change something, and the ghost. Any message that was ever sent may arrive at any time, or never: that is
 * loss, duplication and reordering at once.
 *
 * A real engine runs once for each pair of a node's state and an action; what it did is remembered, so that the millions
 * of combinations of these cost no more than looking up numbers.
 */
import { createHash } from 'node:crypto'
import { compareNumbers } from '../../src/base/order.ts'
import { type Ballot, compareBallots, formatBallot } from '../../src/protocol/ballot.ts'
import type { NodeId } from '../../src/protocol/ids.ts'
import type { Decided, Message } from '../../src/protocol/multipaxos/message.ts'
import { Disk } from '../scenarios/disk.ts'
import { formatMessage } from '../scenarios/format.ts'
import { emptyGhost, type Ghost, judge, textOfGhost } from './ghost.ts'
import { type Action, type Fact, firstNode, isSame, type NodeState, Nodes, type Packet, type Summary } from './node.ts'
import type { Scope } from './scope.ts'
import { type Renaming, textOf } from './structure.ts'
import { Table } from './table.ts'
import { Violation } from './violation.ts'

/** Everything is a number into a table. */
interface State {
  /** One for each node. */
  readonly locals: readonly number[]
  /** Packets, rising. */
  readonly net: readonly number[]
  readonly ghost: number
}

interface Step {
  readonly id: number
  readonly local: number
  readonly packets: readonly number[]
  readonly facts: readonly Fact[]
}

export interface Move {
  readonly node: number
  readonly action: Action
}

export interface Report {
  readonly states: number
  /** Ways from a state to another. */
  readonly moves: number
  /** Of the state that is furthest from the start. */
  readonly depth: number
  /** Nothing was left to search when it ended. */
  readonly isComplete: boolean
  /** Real runs of an engine. */
  readonly steps: number
  readonly nodeStates: number
  /** Of all states of nodes: equal for searches that saw the same. */
  readonly digest: string
  readonly messages: number
}

/** A failure, with the shortest way to it. */
export class Counterexample extends Error {
  override readonly name = 'Counterexample'
  readonly moves: readonly Move[]

  constructor(cause: Error, moves: readonly Move[]) {
    super(cause.message, { cause })
    this.moves = moves
  }
}

const handled = ['claim', 'propose', 'ask', 'stall', 'crash', 'stop'] as const
const firstPacket = 16
const forgettingPairsMax = 1000

type Answer = Extract<Message, { kind: 'promise' | 'accepted' }>

function isAnswer(message: Message): message is Answer {
  return message.kind === 'promise' || message.kind === 'accepted'
}

export class Search {
  readonly #scope: Scope
  readonly #nodes: Nodes
  readonly #renamings: readonly Renaming[]
  readonly #locals: Table<NodeState>
  readonly #packets: Table<Packet>
  readonly #ghosts: Table<Ghost>
  /** By the number of the node's state, as the names of promises are. */
  readonly #summaries: Summary[] = []
  /** Equal for node states with the same durable promise. */
  readonly #promiseNames: number[] = []
  readonly #promiseIds = new Map<string, number>()
  readonly #judged = new Map<string, number>()
  readonly #steps = new Map<number, Step>()
  readonly #seen = new Set<string>()
  readonly #parents: number[] = []
  readonly #actions: number[] = []
  #moves = 0

  constructor(scope: Scope) {
    this.#scope = scope
    this.#nodes = new Nodes(scope)
    this.#renamings = renamingsOf(scope)
    this.#locals = new Table('node state', this.#renamings)
    this.#packets = new Table('packet', this.#renamings)
    this.#ghosts = new Table('ghost', this.#renamings)
  }

  /** Throws a Counterexample at the first state that breaks an invariant. */
  run(onLevel: (depth: number, states: number) => void = () => {}): Report {
    const { acceptors, slots, depthMax = Number.POSITIVE_INFINITY } = this.#scope
    const locals = this.#nodes.ids.map((id) => this.#toLocal(this.#nodes.start(id, new Disk(), 1, 0)))
    const start: State = { locals, net: [], ghost: this.#toGhost(emptyGhost(slots)) }
    this.#seen.add(this.#keyOf(start))
    this.#remember(-1, 0)
    let level: { readonly state: State; readonly id: number }[] = [{ state: start, id: 0 }]
    let depth = 0
    while (level.length > 0 && depth < depthMax) {
      const next: typeof level = []
      const firstLocal = this.#locals.size
      for (const { state, id } of level) {
        for (let index = 0; index < acceptors; index++) {
          for (const code of this.#possible(state, index)) this.#try(state, id, index, code, next)
        }
        for (const packet of state.net) {
          this.#try(state, id, this.#indexOf(packet), firstPacket + packet, next)
        }
      }
      this.#checkForgetting(firstLocal)
      level = next
      if (next.length > 0) depth++
      onLevel(depth, this.#seen.size)
    }
    return {
      states: this.#seen.size,
      moves: this.#moves,
      depth,
      isComplete: level.length === 0,
      steps: this.#steps.size,
      nodeStates: this.#locals.size,
      digest: createHash('sha256')
        .update([...this.#locals.keys()].sort().join('\n'))
        .digest('hex'),
      messages: this.#packets.size,
    }
  }

  #try(state: State, id: number, index: number, code: number, next: { state: State; id: number }[]): void {
    let after: State | undefined
    try {
      after = this.#move(state, index, code)
    } catch (cause) {
      if (cause instanceof Error) throw new Counterexample(cause, [...this.#pathTo(id), this.#toMove(index, code)])
      throw cause
    }
    if (after === undefined) return
    this.#moves++
    const key = this.#keyOf(after)
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    next.push({ state: after, id: this.#remember(id, code * 16 + index) })
  }

  /** What a node may do by itself. */
  *#possible(state: State, index: number): Generator<number> {
    const { proposers, claimsMax, claimsOfOneMax, mayCrash, asks, stops } = this.#scope
    const node = this.#summaryOf(state, index)
    if (index < proposers && node.claims < claimsOfOneMax) {
      let claims = 0
      for (let other = 0; other < state.locals.length; other++) claims += this.#summaryOf(state, other).claims
      if (claims < claimsMax) yield handled.indexOf('claim')
    }
    if (node.canPropose) yield handled.indexOf('propose')
    if (node.canPropose && stops) yield handled.indexOf('stop')
    if (asks && node.isBehind) yield handled.indexOf('ask')
    if (node.isStalled) yield handled.indexOf('crash')
    else if (mayCrash.includes(index + 1) && this.#isCrashLeft(state.locals)) yield handled.indexOf('stall')
  }

  /** Undefined when nothing changes. */
  #move(state: State, index: number, code: number): State | undefined {
    const before = state.locals[index] ?? 0
    const step = this.#step(before, code)
    const isNews = step.packets.some((packet) => !state.net.includes(packet))
    if (step.local === before && !isNews && step.facts.length === 0) return undefined
    const locals = state.locals.with(index, step.local)
    const isJudged = step.facts.length > 0 || this.#durablePromise(before) !== this.#durablePromise(step.local)
    const ghost = isJudged ? this.#judge(state.ghost, step, locals) : state.ghost
    const mayCrash = this.#isCrashLeft(locals)
    const net = new Set([...state.net, ...step.packets])
    return {
      locals,
      net: [...net].filter((packet) => this.#isLive(packet, locals, net, mayCrash)).sort(compareNumbers),
      ghost,
    }
  }

  #judge(before: number, { id, facts }: Step, locals: readonly number[]): number {
    const promised = locals.map((local) => this.#promiseNames[local] ?? 0)
    const key = `${before} ${facts.length > 0 ? id : ''} ${promised.join()}`
    const known = this.#judged.get(key)
    if (known !== undefined) return known
    const promises = new Map(this.#nodes.ids.map((node, at) => [node, this.#durablePromise(locals[at] ?? 0)]))
    const after = this.#toGhost(judge(this.#ghosts.get(before), facts, promises, this.#scope.q2))
    this.#judged.set(key, after)
    return after
  }

  #step(local: number, code: number): Step {
    const key = local * 2 ** 20 + code
    const known = this.#steps.get(key)
    if (known !== undefined) return known
    const { node, outcome } = this.#nodes.act(this.#locals.get(local), this.#toAction(code))
    const packets = outcome.packets.map((packet) => this.#packets.toId(packet, (rename) => textOf(packet, rename)))
    const step = {
      id: this.#steps.size,
      local: this.#toLocal(node),
      packets: [...new Set(packets)],
      facts: outcome.facts,
    }
    this.#steps.set(key, step)
    return step
  }

  #isNothing(local: number, packet: number): boolean {
    const step = this.#step(local, firstPacket + packet)
    return step.local === local && step.packets.length === 0
  }

  /** False for a message that can never change anything again: forgetting it merges states. */
  #isLive(packet: number, locals: readonly number[], net: ReadonlySet<number>, mayCrash: boolean): boolean {
    const { to, message } = this.#packets.get(packet)
    const local = locals[to - firstNode] ?? 0
    const node = this.#summaries[local]
    if (this.#scope.keepsAll === true) return true
    // A crash takes back what is not durable, and what was of no use before may be of use then.
    if (node === undefined || node.isStalled) return true
    switch (message.kind) {
      case 'promise':
      case 'accepted':
      case 'nack':
      case 'catchupReply':
        return !this.#isNothing(local, packet)
      case 'prepare': {
        const order = compareBallots(message.ballot, node.promised)
        if (order !== 0) return order > 0 || this.#scope.arrives.includes('nack')
        const asking = this.#summaries[locals[message.ballot.node - firstNode] ?? 0]
        return asking?.phase === 'prepare' && isSame(asking.ballot, message.ballot)
      }
      case 'accept':
        if (compareBallots(message.ballot, node.promised) >= 0 || this.#scope.arrives.includes('nack')) return true
        return (
          this.#isNotice(message, node, mayCrash) || this.#mayReplaceNotice(message.ballot, to, locals, net, mayCrash)
        )
      case 'decide':
        if (this.#isNotice(message, node, mayCrash) || !this.#isNothing(local, packet)) return true
        return this.#mayReplaceNotice(message.ballot, to, locals, net, mayCrash)
      default:
        return true
    }
  }

  /** Tells of decided slots that the node does not know chosen. */
  #isNotice({ decided }: { readonly decided: Decided }, node: Summary, mayCrash: boolean): boolean {
    const chosenUpTo = mayCrash ? node.durablyChosenUpTo : node.chosenUpTo
    return decided.upTo > decided.from && decided.upTo > chosenUpTo
  }

  /** A node keeps one notice. An older message replaces it if its ballot is no lower, even if it tells of less. */
  #mayReplaceNotice(
    ballot: Ballot,
    to: NodeId,
    locals: readonly number[],
    net: Iterable<number>,
    mayCrash: boolean,
  ): boolean {
    const node = this.#summaries[locals[to - firstNode] ?? 0]
    if (node === undefined) return true
    const isUpTo = (other: Ballot | undefined): boolean => other !== undefined && compareBallots(other, ballot) <= 0
    if (isUpTo(node.noticedAt)) return true
    // Who prepares or leads may still decide more.
    if (locals.some((local) => isUpTo(this.#summaries[local]?.ballot))) return true
    for (const other of net) {
      const packet = this.#packets.get(other)
      const { message } = packet
      if (packet.to !== to || (message.kind !== 'accept' && message.kind !== 'decide')) continue
      if (isUpTo(message.ballot) && this.#isNotice(message, node, mayCrash)) return true
    }
    return false
  }

  /**
   * Forgetting rests on this: an answer to another ballot than the one at which a node prepares or leads means nothing to
   * its leader. Tried, level by level, for many pairs of a leading node's new states and an answer sent to it by then.
   */
  #checkForgetting(firstLocal: number): void {
    const answers = Array.from({ length: this.#packets.size }, (_, id) => id).filter((id) =>
      isAnswer(this.#packets.get(id).message),
    )
    const leaders = [...this.#summaries.keys()].filter(
      (local) => local >= firstLocal && this.#summaries[local]?.phase !== 'idle',
    )
    const pairs = answers.length * leaders.length
    const stride = Math.max(1, Math.ceil(pairs / forgettingPairsMax))
    for (let pair = 0; pair < pairs; pair += stride) {
      const local = leaders[pair % leaders.length] ?? 0
      const packet = answers[Math.floor(pair / leaders.length)] ?? 0
      const { from, to, message } = this.#packets.get(packet)
      const ballot = this.#summaries[local]?.ballot
      if (this.#locals.get(local).self !== to || !isAnswer(message) || isSame(ballot, message.ballot)) continue
      if (this.#isNothing(local, packet)) continue
      const leading = ballot === undefined ? 'no ballot' : formatBallot(ballot)
      throw new Violation(`n${to} at ${leading} is changed by ${formatMessage(message)} from n${from}`)
    }
  }

  #isCrashLeft(locals: readonly number[]): boolean {
    if (this.#scope.mayCrash.length === 0) return false
    return locals.every((local) => this.#summaries[local]?.lives === 1 && !this.#summaries[local]?.isStalled)
  }

  /** The same for states that differ only in which of the interchangeable nodes is which. */
  #keyOf({ locals, net, ghost }: State): string {
    let key = ''
    for (const [at, rename] of this.#renamings.entries()) {
      const localNames = this.#locals.names(at)
      const packetNames = this.#packets.names(at)
      const ghostNames = this.#ghosts.names(at)
      const numbers = new Array<number>(locals.length).fill(0)
      for (const [index, local] of locals.entries()) {
        numbers[rename(firstNode + index) - firstNode] = localNames[local] ?? 0
      }
      numbers.push(ghostNames[ghost] ?? 0)
      const packets = net.map((packet) => packetNames[packet] ?? 0)
      // Without another renaming the names are the numbers of the packets, which rise already.
      if (this.#renamings.length > 1) packets.sort(compareNumbers)
      const text = String.fromCharCode(...numbers, ...packets)
      if (at === 0 || text < key) key = text
    }
    return key
  }

  #toLocal(node: NodeState): number {
    const isCrashable = this.#scope.mayCrash.includes(node.self - firstNode + 1)
    const textUnder = (rename: Renaming): string => this.#nodes.textOf(node, rename, isCrashable)
    const id = this.#locals.toId(node, textUnder, String(node.self))
    if (id < this.#summaries.length) return id
    this.#summaries.push(this.#nodes.summaryOf(node))
    const promise = textOf(node.disk.promised, (number) => number)
    const promiseId = this.#promiseIds.get(promise) ?? this.#promiseIds.size
    this.#promiseIds.set(promise, promiseId)
    this.#promiseNames.push(promiseId)
    return id
  }

  #toGhost(ghost: Ghost): number {
    return this.#ghosts.toId(ghost, (rename) => textOfGhost(ghost, rename))
  }

  #remember(parent: number, action: number): number {
    this.#parents.push(parent)
    this.#actions.push(action)
    return this.#parents.length - 1
  }

  #pathTo(state: number): Move[] {
    const moves: Move[] = []
    for (let id = state; id > 0; id = this.#parents[id] ?? 0) {
      const action = this.#actions[id] ?? 0
      moves.unshift(this.#toMove(action % 16, Math.floor(action / 16)))
    }
    return moves
  }

  #toMove(node: number, code: number): Move {
    return { node, action: this.#toAction(code) }
  }

  #toAction(code: number): Action {
    if (code >= firstPacket) return { kind: 'deliver', packet: this.#packets.get(code - firstPacket) }
    return { kind: handled[code] ?? 'crash' }
  }

  #indexOf(packet: number): number {
    return this.#packets.get(packet).to - firstNode
  }

  #summaryOf(state: State, index: number): Summary {
    const summary = this.#summaries[state.locals[index] ?? 0]
    if (summary === undefined) throw new RangeError(`no node ${index}`)
    return summary
  }

  #durablePromise(local: number): Summary['durablyPromised'] {
    return this.#summaries[local]?.durablyPromised
  }
}

/** Nodes that only vote may change places, unless only one of them may crash. */
function renamingsOf({ acceptors, proposers, mayCrash }: Scope): Renaming[] {
  const alike = Array.from({ length: acceptors }, (_, index) => firstNode + index).filter(
    (id) => id - firstNode >= proposers && !mayCrash.includes(id - firstNode + 1),
  )
  return permutations(alike).map((order) => (id) => {
    const at = alike.indexOf(id)
    return at < 0 ? id : (order[at] ?? id)
  })
}

function permutations(ids: readonly number[]): number[][] {
  if (ids.length <= 1) return [[...ids]]
  return ids.flatMap((id) => permutations(ids.filter((other) => other !== id)).map((rest) => [id, ...rest]))
}
