import { fromBinary, toBinary } from '../../src/base/bytes.ts'
import { Random } from '../../src/base/random.ts'
import { type Ballot, compareBallots, formatBallot, isZeroBallot, sameBallot } from '../../src/protocol/ballot.ts'
import type { Effect, Send, Write } from '../../src/protocol/effect.ts'
import type { Entry } from '../../src/protocol/entry.ts'
import type { Epoch } from '../../src/protocol/epoch.ts'
import type { Event } from '../../src/protocol/event.ts'
import { firstEpoch, firstSlot, type NodeId, type Slot, toIncarnation, toNodeId } from '../../src/protocol/ids.ts'
import type { Decided, Message } from '../../src/protocol/multipaxos/message.ts'
import { MultiPaxos } from '../../src/protocol/multipaxos/multipaxos.ts'
import { defaultMultiPaxosOptions } from '../../src/protocol/multipaxos/options.ts'
import type { Disk } from '../scenarios/disk.ts'
import type { Scope } from './scope.ts'
import { Copier, type Renaming, textOf } from './structure.ts'
import { insist } from './violation.ts'

/** Node ids lie above every other number here, so that a text can be renamed. */
export const firstNode = 101

export interface Packet {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: Message
}

export type Action =
  | { readonly kind: 'deliver'; readonly packet: Packet }
  | { readonly kind: 'claim' | 'propose' | 'stop' | 'ask' | 'stall' | 'crash' }

/** What an action says about the whole cluster: the ghost judges it. */
export type Fact =
  | { readonly kind: 'propose'; readonly ballot: Ballot; readonly slot: Slot; readonly entry: string }
  | {
      readonly kind: 'vote'
      readonly node: NodeId
      readonly ballot: Ballot
      readonly slot: Slot
      readonly entry: string
    }
  | { readonly kind: 'chosen'; readonly who: string; readonly slot: Slot; readonly entry: string }
  | { readonly kind: 'decided'; readonly who: string; readonly from: Slot; readonly upTo: Slot }

export interface Outcome {
  readonly packets: Packet[]
  readonly facts: Fact[]
  /** Durable now; for people. */
  readonly writes: Write[]
}

/** The fields of an engine that a search needs, by the names that `showFields` gives them. */
interface Visible {
  readonly _log: { readonly chosenUpTo: Slot }
  readonly _acceptor: { readonly promised: Ballot }
  readonly _election: { readonly _seen: Ballot; _claim(promised: Ballot): Ballot }
  readonly _leader: {
    readonly phase: 'idle' | 'prepare' | 'propose'
    readonly isStopping: boolean
    readonly ballot: Ballot | undefined
    readonly _phase: { readonly one?: object; readonly barrier?: Slot }
    readonly _nextSlot: Slot
  }
  readonly _learner: {
    readonly source: NodeId | undefined
    readonly _notice: { readonly ballot: Ballot; readonly decided: Decided } | undefined
    sources(): readonly NodeId[]
    readonly _known: ReadonlyMap<NodeId, Slot>
    _ask(now: number, source: NodeId): Effect[]
  }
  _isChosenDue: boolean
  _claim(ballot: Ballot): Effect[]
}

/** A notice that is covered by what is known chosen means nothing any more. */
function pendingNotice({ _learner, _log }: Visible): Visible['_learner']['_notice'] {
  const notice = _learner._notice
  return notice === undefined || notice.decided.upTo <= _log.chosenUpTo ? undefined : notice
}

function visible(engine: MultiPaxos): Visible {
  return engine as unknown as Visible
}

/** What does not influence what follows: the same for all, known from elsewhere, or only ever read by a tick. */
const omitted = {
  acceptor: ['_log', '_grant', '_limits'],
  log: ['_bytes', '_openBytes'],
  phaseOne: ['_quorums'],
  leader: ['_self', '_others', '_quorums', '_log', '_learner', '_options', '_phase'],
  leaderAtRest: ['_open', '_outbox', '_nextSlot', '_decidedUpTo', '_announcedUpTo'],
}

/** One node: its engine, what its disk holds, and how often it started and claimed. */
export interface NodeState {
  readonly self: NodeId
  readonly engine: MultiPaxos
  readonly disk: Disk
  /** Nothing becomes durable any more, and the node will crash. */
  readonly isStalled: boolean
  readonly lives: number
  readonly claims: number
}

/** Builds and moves nodes of one scope. A state is never changed: every action works on a copy. */
export class Nodes {
  readonly ids: readonly NodeId[]
  readonly #scope: Scope
  readonly #epoch: Epoch
  readonly #random = new Random(1)
  readonly #copier: Copier
  readonly #arrives: ReadonlySet<string>

  constructor(scope: Scope) {
    this.#scope = scope
    this.#arrives = new Set(scope.arrives)
    this.ids = Array.from({ length: scope.acceptors }, (_, index) => toNodeId(firstNode + index))
    this.#epoch = {
      number: firstEpoch,
      protocol: 'multi',
      members: this.ids.map((id) => ({ id, name: `n${id}`, peerAddress: '', kind: 'acceptor' })),
      q1: scope.q1,
      q2: scope.q2,
      leaseMs: 0,
      startSlot: firstSlot,
      featureLevel: 1,
      highestId: toNodeId(firstNode + scope.acceptors - 1),
    }
    this.#copier = new Copier([this.#epoch, defaultMultiPaxosOptions, this.#random])
  }

  start(self: NodeId, disk: Disk, lives: number, claims: number): NodeState {
    const engine = new MultiPaxos({
      self,
      incarnation: toIncarnation(lives),
      epoch: this.#epoch,
      state: disk.state(),
      appliedUpTo: firstSlot,
      random: this.#random,
      options: defaultMultiPaxosOptions,
      now: 0,
      isNew: false,
    })
    return { self, engine, disk, isStalled: false, lives, claims }
  }

  /** The node after the action, and what left it. Throws where an assertion or an invariant fails. */
  act(before: NodeState, action: Action): { readonly node: NodeState; readonly outcome: Outcome } {
    const outcome: Outcome = { packets: [], facts: [], writes: [] }
    const node = this.#copier.copy(before)
    switch (action.kind) {
      case 'deliver': {
        const { from, message } = action.packet
        this.#step(node, outcome, { kind: 'message', from, message }, message)
        return { node, outcome }
      }
      case 'claim': {
        const engine = visible(node.engine)
        const ballot = engine._election._claim(engine._acceptor.promised)
        this.#perform(node, outcome, engine._claim(ballot), undefined)
        this.#step(node, outcome, { kind: 'flush' }, undefined)
        return { node: { ...node, claims: node.claims + 1 }, outcome }
      }
      case 'propose':
      case 'stop': {
        const entry = entryOf(action.kind === 'stop' ? 'stopSign' : 'batch', node)
        this.#step(node, outcome, { kind: 'propose', proposal: 1, entry }, undefined)
        return { node, outcome }
      }
      case 'ask':
        this.#askAll(node, outcome)
        return { node, outcome }
      case 'stall':
        return { node: { ...node, isStalled: true }, outcome }
      case 'crash': {
        const next = this.start(node.self, node.disk, node.lives + 1, node.claims)
        for (const { slot, entry } of next.engine.chosen(firstSlot, Number.POSITIVE_INFINITY)) {
          outcome.facts.push({ kind: 'chosen', who: `n${node.self} finds`, slot, entry: textOfEntry(entry) })
        }
        return { node: next, outcome }
      }
    }
  }

  /** One turn: the event, and the flush that ends it. */
  #step(node: NodeState, outcome: Outcome, event: Event, cause: Message | undefined): void {
    // There are no ticks here. With each flush as if after one, the watermark is on the disk as early as it can be.
    visible(node.engine)._isChosenDue = true
    const effects = [...node.engine.step(0, event)]
    if (effects.some((effect) => effect.kind === 'elected') && this.#hasRoom(node)) {
      effects.push(...node.engine.step(0, { kind: 'propose', proposal: 0, entry: entryOf('barrier', node) }))
    }
    if (event.kind !== 'flush') effects.push(...node.engine.step(0, { kind: 'flush' }))
    this.#perform(node, outcome, effects, cause)
  }

  #askAll(node: NodeState, outcome: Outcome): void {
    const learner = visible(node.engine)._learner
    for (const source of learner.sources()) this.#perform(node, outcome, learner._ask(0, source), undefined)
  }

  #hasRoom(node: NodeState): boolean {
    return visible(node.engine)._leader._nextSlot < this.#scope.slots
  }

  /** Messages that wait for nothing leave first: that is the worst case, since a commit takes its time. */
  #perform(node: NodeState, outcome: Outcome, effects: readonly Effect[], cause: Message | undefined): void {
    for (const effect of effects) {
      if (effect.kind === 'send') this.#send(node, outcome, effect, cause)
      if (effect.kind !== 'learn') continue
      const { slot, entry } = effect
      outcome.facts.push({ kind: 'chosen', who: `n${node.self} learns`, slot, entry: textOfEntry(entry) })
    }
    if (node.isStalled) return
    for (const effect of effects) {
      if (effect.kind !== 'persist') continue
      for (const write of effect.writes) checkWrite(node, outcome, write)
      node.disk.apply(effect.writes)
      outcome.writes.push(...effect.writes)
      for (const send of effect.release) this.#send(node, outcome, send, cause)
    }
  }

  #send(node: NodeState, outcome: Outcome, { to, message }: Send, cause: Message | undefined): void {
    checkSend(node, outcome, message, cause)
    if (!this.#arrives.has(message.kind)) return
    // Without ticks nothing is sent again: a prepare after a restart stands for what would be, later than those before it.
    const sent = message.kind === 'prepare' ? { ...message, attempt: node.lives } : message
    for (const target of to) outcome.packets.push({ from: node.self, to: target, message: sent })
  }

  /** Equal for nodes that cannot be told apart from now on. */
  textOf({ engine, disk, isStalled, lives, claims }: NodeState, rename: Renaming, mayCrash: boolean): string {
    const { _log, _acceptor, _election, _leader, _learner } = visible(engine)
    const isDurable = mayCrash && lives === 1
    const one = _leader._phase.one
    const parts = [
      without(_acceptor, omitted.acceptor),
      without(_log, omitted.log),
      one === undefined ? { ..._leader._phase } : { one: without(one, omitted.phaseOne) },
      without(_leader, _leader.phase === 'propose' ? omitted.leader : [...omitted.leader, ...omitted.leaderAtRest]),
      pendingNotice(visible(engine)),
      this.#scope.asks ? new Map(_learner.sources().map((node) => [node, _learner._known.get(node)])) : undefined,
      _election._seen,
      isDurable ? [disk, Reflect.get(engine, '_notedChosenUpTo')] : undefined,
      isStalled,
      lives,
      claims,
    ]
    return textOf(parts, rename)
  }

  /** What the search must know of a node without looking into it each time. */
  summaryOf({ engine, disk, isStalled, lives, claims }: NodeState): Summary {
    const { _acceptor, _leader, _learner, _log } = visible(engine)
    const hasBarrier = _leader.phase === 'propose' && _leader._phase.barrier !== undefined
    const canPropose = hasBarrier && !_leader.isStopping && _leader._nextSlot < this.#scope.slots
    return {
      promised: _acceptor.promised,
      durablyPromised: disk.promised,
      phase: _leader.phase,
      ballot: _leader.ballot,
      chosenUpTo: _log.chosenUpTo,
      durablyChosenUpTo: disk.chosenUpTo,
      canPropose,
      noticedAt: pendingNotice(visible(engine))?.ballot,
      isBehind: _learner.sources().length > 0,
      isStalled,
      lives,
      claims,
    }
  }
}

export interface Summary {
  readonly promised: Ballot
  readonly durablyPromised: Ballot | undefined
  readonly phase: 'idle' | 'prepare' | 'propose'
  /** At which this node prepares or leads. */
  readonly ballot: Ballot | undefined
  readonly chosenUpTo: Slot
  readonly durablyChosenUpTo: Slot
  readonly canPropose: boolean
  /** The ballot of a notice that still waits for its votes. */
  readonly noticedAt: Ballot | undefined
  readonly isBehind: boolean
  readonly isStalled: boolean
  readonly lives: number
  readonly claims: number
}

/** Different for every proposer, life, claim and slot: no two proposals of different ballots look the same by chance. */
function entryOf(kind: 'batch' | 'barrier' | 'stopSign', { self, engine, lives, claims }: NodeState): Entry {
  const slot = visible(engine)._leader._nextSlot
  const letter = { batch: 'x', barrier: 'b', stopSign: stopSignLetter }[kind]
  return { kind, payload: fromBinary(`${letter}${slot}-n${self - firstNode + 1}.${lives}.${claims}`) }
}

/** That the text of a stop sign begins with, and no other. */
export const stopSignLetter = 's'

export function textOfEntry({ kind, payload }: Entry): string {
  return kind === 'noop' ? 'noop' : toBinary(payload)
}

/** Invariants 1, 2: the disk never goes back. */
function checkWrite({ self, disk }: NodeState, outcome: Outcome, write: Write): void {
  if (write.kind === 'promise') {
    const { promised } = disk
    insist(
      promised === undefined || compareBallots(promised, write.ballot) <= 0,
      () => `n${self} goes back on its promise to ${formatBallot(promised ?? write.ballot)}`,
    )
    // Written in one commit with the vote that it is for, and looked at by its check.
    disk.promised = write.ballot
  } else if (write.kind === 'vote') {
    const { slot, ballot, chosen } = write
    const entry = textOfEntry(write.entry)
    const before = disk.votes.get(slot)
    insist(
      before === undefined || compareBallots(before.ballot, ballot) <= 0,
      () => `the vote of n${self} in slot ${slot} goes back to a lower ballot`,
    )
    insist(
      isZeroBallot(ballot) || (disk.promised !== undefined && compareBallots(ballot, disk.promised) <= 0),
      () => `n${self} votes in slot ${slot} at ${formatBallot(ballot)}, above its promise`,
    )
    if (chosen) outcome.facts.push({ kind: 'chosen', who: `n${self} stores`, slot, entry })
    else outcome.facts.push({ kind: 'vote', node: self, ballot, slot, entry })
  } else outcome.facts.push({ kind: 'decided', who: `n${self} stores`, from: firstSlot, upTo: write.upTo })
}

/** Invariants 9, 10: what is said is durable, or is chosen. */
function checkSend(
  { self, disk, engine }: NodeState,
  outcome: Outcome,
  message: Message,
  cause: Message | undefined,
): void {
  const { facts } = outcome
  const says = `n${self} says`
  const hasPromised = (ballot: Ballot): boolean =>
    disk.promised !== undefined && compareBallots(disk.promised, ballot) >= 0
  switch (message.kind) {
    case 'promise': {
      const { ballot, votes, unknown, chosenUpTo } = message
      insist(hasPromised(ballot), () => `n${self} sends promise ${formatBallot(ballot)} before it is durable`)
      facts.push({ kind: 'decided', who: says, from: firstSlot, upTo: chosenUpTo })
      const told = new Set([...unknown, ...votes.map(({ slot }) => slot)])
      const start = Math.max(chosenUpTo, cause?.kind === 'prepare' ? cause.fromSlot : 0)
      for (const slot of disk.votes.keys()) {
        insist(slot < start || told.has(slot), () => `n${self} leaves its vote in slot ${slot} out of its promise`)
      }
      for (const { slot, ballot: votedAt, entry, chosen } of votes) {
        const stored = disk.votes.get(slot)
        insist(
          stored !== undefined && compareBallots(stored.ballot, votedAt) >= 0,
          () => `n${self} reports a vote in slot ${slot} that is not durable`,
        )
        if (chosen) facts.push({ kind: 'chosen', who: says, slot, entry: textOfEntry(entry) })
      }
      return
    }
    case 'accepted':
      insist(hasPromised(message.ballot), () => `n${self} sends accepted before its promise is durable`)
      for (const { from, to } of message.ranges) {
        for (let slot = from; slot < to; slot = (slot + 1) as Slot) {
          const vote = disk.votes.get(slot)
          if (vote !== undefined && compareBallots(vote.ballot, message.ballot) >= 0) continue
          // An acceptor that knows the entry chosen may say so without voting again.
          const known = engine.votes({ from: slot, to: (slot + 1) as Slot })[0]
          insist(known?.chosen === true, () => `n${self} answers accepted for slot ${slot} before its vote is durable`)
          facts.push({ kind: 'chosen', who: says, slot, entry: textOfEntry(known.entry) })
        }
      }
      return
    case 'accept':
      for (const { slot, entry } of message.entries) {
        facts.push({ kind: 'propose', ballot: message.ballot, slot, entry: textOfEntry(entry) })
      }
      facts.push({ kind: 'decided', who: says, ...message.decided })
      return
    case 'decide':
      facts.push({ kind: 'decided', who: says, ...message.decided })
      return
    case 'catchupReply':
      for (const { slot, entry } of message.entries) {
        facts.push({ kind: 'chosen', who: says, slot, entry: textOfEntry(entry) })
      }
      return
    default:
      return
  }
}

function without(object: object, names: readonly string[]): Record<string, unknown> {
  const rest: Record<string, unknown> = {}
  let found = 0
  for (const [name, value] of Object.entries(object)) {
    if (names.includes(name)) found++
    else rest[name] = value
  }
  // A renamed field would otherwise slip into the comparison, or out of it.
  insist(found === names.length, () => `not all of ${names.join(' ')} are fields of ${object.constructor.name}`)
  return rest
}

export function isSame(a: Ballot | undefined, b: Ballot): boolean {
  return a !== undefined && sameBallot(a, b)
}
