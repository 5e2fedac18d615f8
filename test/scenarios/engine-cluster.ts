import { assert } from '../../src/base/assert.ts'
import { fromBinary } from '../../src/base/bytes.ts'
import { Random } from '../../src/base/random.ts'
import { type Ballot, compareBallots, formatBallot, zeroBallot } from '../../src/protocol/ballot.ts'
import type { Effect, Send, Write } from '../../src/protocol/effect.ts'
import type { Entry } from '../../src/protocol/entry.ts'
import type { Epoch } from '../../src/protocol/epoch.ts'
import { encodeStopSign } from '../../src/protocol/epoch-codec.ts'
import type { Event } from '../../src/protocol/event.ts'
import {
  firstEpoch,
  firstSlot,
  type NodeId,
  type Slot,
  toEpochNumber,
  toIncarnation,
  toNodeId,
} from '../../src/protocol/ids.ts'
import type { Message } from '../../src/protocol/multipaxos/message.ts'
import { MultiPaxos } from '../../src/protocol/multipaxos/multipaxos.ts'
import { defaultMultiPaxosOptions, type MultiPaxosOptions } from '../../src/protocol/multipaxos/options.ts'
import { Disk } from './disk.ts'
import { formatEntry, formatMessage, formatWrite } from './format.ts'
import { Invariants } from './invariants.ts'

export interface Packet {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: Message
}

interface Commit {
  readonly writes: readonly Write[]
  readonly release: readonly Send[]
}

export class Member {
  readonly id: NodeId
  disk = new Disk()
  incarnation = 0
  engine: MultiPaxos | undefined
  /** Speed of this node's clock; 1 is true time. */
  readonly clockRate: number
  /** Commits that are not durable yet, in order. */
  commits: Commit[] = []
  /** Learned entries by slot, over all incarnations: each applies from where its disk of the machine was. */
  readonly learned = new Map<Slot, Entry>()
  learnedUpTo = firstSlot
  readonly proposedSlots = new Map<number, Slot>()
  /** Undefined for a read that was refused. */
  readonly readable = new Map<number, { readonly upTo: Slot; readonly by: 'readIndex' | 'lease' } | undefined>()
  isLeading = false

  constructor(id: NodeId, clockRate: number) {
    this.id = id
    this.clockRate = clockRate
  }
}

export interface ClusterSetup {
  readonly nodes: number
  readonly q1?: number
  readonly q2?: number
  readonly leaseMs?: number
  readonly seed?: number
  /** Every node draws the same: the worst case for elections. */
  readonly drawsAlike?: boolean
  readonly clockRates?: readonly number[]
  readonly options?: Partial<MultiPaxosOptions>
  /** Puts surveys, heartbeats and their answers in the transcript as well. */
  readonly showsHeartbeats?: boolean
}

/** What a test may watch, to stop a node at any point. */
export interface ClusterHooks {
  readonly log?: (line: string) => void
  /** A message left, or (no message) a commit is about to become durable or just did. May throw to crash the node there. */
  readonly onAction?: (node: NodeId, message: Message | undefined) => void
  readonly onLearn?: (node: NodeId, slot: Slot, entry: Entry) => void
}

/**
 * Real engines, a network that does nothing by itself, disks that forget what was not committed, and one clock that moves
 * when told. Every step is the caller's: which packet arrives, which commit finishes, who crashes. The invariants are
 * checked at every step.
 */
export class EngineCluster {
  readonly epoch: Epoch
  readonly members: readonly Member[]
  readonly invariants: Invariants
  network: Packet[] = []
  now = 1000
  readonly #options: MultiPaxosOptions
  readonly #seed: number
  readonly #drawsAlike: boolean
  readonly #hooks: ClusterHooks
  readonly #quietKinds: ReadonlySet<string>
  /** What had been learned somewhere when a read began. */
  readonly #wanted = new Map<number, Slot>()
  #proposal = 0
  #read = 0

  constructor(setup: ClusterSetup, hooks: ClusterHooks = {}) {
    const {
      nodes,
      q1,
      q2,
      leaseMs = 0,
      seed = 1,
      drawsAlike = false,
      clockRates = [],
      options = {},
      showsHeartbeats = false,
    } = setup
    const majority = Math.floor(nodes / 2) + 1
    this.#hooks = hooks
    this.#seed = seed
    this.#drawsAlike = drawsAlike
    this.#options = { ...defaultMultiPaxosOptions, ...options }
    const ids = Array.from({ length: nodes }, (_, index) => toNodeId(index + 1))
    this.epoch = {
      number: firstEpoch,
      protocol: 'multi',
      members: ids.map((id) => ({ id, name: `n${id}`, peerAddress: `127.0.0.1:${7700 + id}`, kind: 'acceptor' })),
      q1: q1 ?? majority,
      q2: q2 ?? majority,
      leaseMs,
      startSlot: firstSlot,
      featureLevel: 1,
      highestId: toNodeId(nodes),
    }
    const surveys = ['survey', 'surveyReply']
    this.#quietKinds = new Set(showsHeartbeats ? surveys : [...surveys, 'heartbeat', 'heartbeatAck'])
    this.invariants = new Invariants(this.epoch)
    this.members = ids.map((id, index) => new Member(id, clockRates[index] ?? 1))
    for (const member of this.members) this.start(member.id)
  }

  member(id: NodeId): Member {
    const member = this.members[id - 1]
    assert(member !== undefined, `no member ${id}`)
    return member
  }

  /** What this node's clock shows. */
  clock(member: Member): number {
    return this.now * member.clockRate
  }

  start(id: NodeId): void {
    const member = this.member(id)
    assert(member.engine === undefined, `n${id} runs already`)
    member.incarnation++
    // The machine's data is as durable as the log here: what was learned stays applied.
    member.engine = new MultiPaxos({
      self: id,
      incarnation: toIncarnation(member.incarnation),
      epoch: this.epoch,
      state: member.disk.state(),
      appliedUpTo: appliedBy(member),
      random: new Random(this.#seed * 1000 + (this.#drawsAlike ? 0 : id * 10) + member.incarnation),
      options: this.#options,
      now: this.clock(member),
      isNew: false,
    })
    for (const { slot, entry } of member.engine.chosen(member.learnedUpTo, Number.POSITIVE_INFINITY)) {
      this.#onLearn(member, slot, entry)
    }
  }

  /** Everything that is not on disk is gone, messages on the way stay. */
  crash(id: NodeId): void {
    const member = this.member(id)
    member.engine = undefined
    member.commits = []
    member.isLeading = false
  }

  /** What no node may do: come back under the same name without its disk. */
  wipe(id: NodeId): void {
    this.crash(id)
    const member = this.member(id)
    member.disk = new Disk()
    member.learned.clear()
    member.learnedUpTo = firstSlot
    this.invariants.onWipe(id)
  }

  tick(id: NodeId): void {
    this.step(id, { kind: 'tick' })
    this.flush(id)
  }

  flush(id: NodeId): void {
    this.step(id, { kind: 'flush' })
  }

  propose(id: NodeId, value: string | Uint8Array | Entry): number {
    const payload = typeof value === 'string' ? fromBinary(value) : value
    return this.#proposeEntry(id, 'kind' in payload ? payload : { kind: 'batch', payload })
  }

  /** A stop sign: the epoch after it is the same, but for its number. */
  stop(id: NodeId): number {
    const next = { ...this.epoch, number: toEpochNumber(this.epoch.number + 1) }
    return this.#proposeEntry(id, { kind: 'stopSign', payload: encodeStopSign(next) })
  }

  #proposeEntry(id: NodeId, entry: Entry): number {
    this.invariants.onSubmit(entry)
    this.#proposal++
    const proposal = this.#proposal
    this.step(id, { kind: 'propose', proposal, entry })
    this.flush(id)
    return proposal
  }

  read(id: NodeId): number {
    this.#read++
    const read = this.#read
    this.#wanted.set(read, this.invariants.learnedUpTo)
    this.step(id, { kind: 'read', read })
    this.flush(id)
    return read
  }

  deliver(packet: Packet): void {
    if (this.member(packet.to).engine === undefined) return
    this.step(packet.to, { kind: 'message', from: packet.from, message: packet.message })
    this.flush(packet.to)
  }

  /** The oldest commit of this node finishes: it is durable, and what waited for it leaves. */
  sync(id: NodeId): void {
    const member = this.member(id)
    const commit = member.commits[0]
    if (commit === undefined) return
    this.#hooks.onAction?.(id, undefined)
    member.commits.shift()
    this.invariants.beforeCommit(id, member.disk, commit.writes)
    member.disk.apply(commit.writes)
    this.invariants.afterCommit(id, member.disk, commit.writes)
    this.#hooks.onAction?.(id, undefined)
    for (const send of commit.release) this.#send(member, send)
  }

  step(id: NodeId, event: Event): void {
    const member = this.member(id)
    if (member.engine === undefined) return
    for (const effect of member.engine.step(this.clock(member), event)) this.#perform(member, effect)
    this.checkLeases()
  }

  checkLeases(): void {
    if (this.epoch.leaseMs === 0) return
    const holders = this.members.filter((member) => member.engine?.leaseHolds(this.clock(member)) === true)
    this.invariants.onLeases(holders.map((member) => member.id))
  }

  /** Delivers and syncs everything in order until nothing is left, without moving the clock. */
  settle(allow: (packet: Packet) => boolean = () => true): void {
    for (let steps = 0; steps < 100_000; steps++) {
      const busy = this.members.find((member) => member.commits.length > 0)
      if (busy !== undefined) {
        this.sync(busy.id)
        continue
      }
      const packet = this.network.shift()
      if (packet === undefined) return
      if (allow(packet)) this.deliver(packet)
    }
    throw new Error('the cluster does not settle')
  }

  /** Moves the clock in small steps, ticking everybody and settling after each. */
  run(ms: number, allow: (packet: Packet) => boolean = () => true, stepMs = 20): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += stepMs
      for (const member of this.members) this.tick(member.id)
      this.settle(allow)
    }
  }

  /** Who serves. An older leader may believe so as well for a while. */
  leader(): Member | undefined {
    const steady = this.members.filter((member) => member.engine?.status().steady === true)
    return steady.sort((a, b) => compareBallots(ballotOf(b), ballotOf(a)))[0]
  }

  #log(line: string): void {
    this.#hooks.log?.(line)
  }

  #perform(member: Member, effect: Effect): void {
    switch (effect.kind) {
      case 'send':
        this.#send(member, effect)
        return
      case 'persist':
        if (effect.writes.length > 0) this.#log(`n${member.id} writes ${effect.writes.map(formatWrite).join(', ')}`)
        member.commits.push(effect)
        return
      case 'learn':
        this.#onLearn(member, effect.slot, effect.entry)
        return
      case 'elected':
        this.#log(`n${member.id} elected at ${formatBallot(effect.ballot)}`)
        this.#proposal++
        this.step(member.id, {
          kind: 'propose',
          proposal: this.#proposal,
          entry: { kind: 'barrier', payload: new Uint8Array(0) },
        })
        return
      case 'proposed':
        member.proposedSlots.set(effect.proposal, effect.slot)
        this.#log(`n${member.id} proposes in slot ${effect.slot} at ${formatBallot(effect.ballot)}`)
        return
      case 'readable':
        member.readable.set(effect.read, { upTo: effect.upTo, by: effect.by })
        this.#log(`n${member.id} may read below ${effect.upTo} by ${effect.by}`)
        this.invariants.onReadable(member.id, effect.upTo, this.#wanted.get(effect.read) ?? firstSlot)
        return
      case 'unreadable':
        member.readable.set(effect.read, undefined)
        this.#log(`n${member.id} may not read`)
        return
      case 'role': {
        const { role, leader } = effect
        member.isLeading = role === 'leader'
        this.#log(`n${member.id} ${role}${leader === undefined || leader === member.id ? '' : ` of n${leader}`}`)
        return
      }
      case 'behind':
        this.#log(`n${member.id} is behind n${effect.from}, which truncated up to ${effect.truncatedUpTo}`)
        this.#installFrom(member, effect.from)
        return
      default:
        this.#log(`n${member.id} ${effect.kind}`)
    }
  }

  /** A snapshot: what the donor has applied is applied here at once. */
  #installFrom(member: Member, from: NodeId): void {
    const donor = this.member(from)
    if (donor.learnedUpTo <= member.learnedUpTo) return
    for (const [slot, entry] of donor.learned) if (slot >= member.learnedUpTo) member.learned.set(slot, entry)
    member.learnedUpTo = donor.learnedUpTo
    this.#log(`n${member.id} installs a snapshot of everything below ${donor.learnedUpTo}`)
    this.step(member.id, { kind: 'restored', upTo: appliedBy(member) })
    this.flush(member.id)
  }

  #onLearn(member: Member, slot: Slot, entry: Entry): void {
    if (slot < member.learnedUpTo) return
    assert(slot === member.learnedUpTo, `n${member.id} learns ${slot}, expected ${member.learnedUpTo}`)
    this.#log(`n${member.id} learns ${formatEntry(entry)} in slot ${slot}`)
    this.invariants.onLearn(member.id, slot, entry)
    member.learned.set(slot, entry)
    member.learnedUpTo = (slot + 1) as Slot
    this.#hooks.onLearn?.(member.id, slot, entry)
    if (member.engine !== undefined) {
      this.step(member.id, { kind: 'applied', upTo: appliedBy(member), durableUpTo: appliedBy(member) })
    }
  }

  #send(member: Member, { to, message }: Send): void {
    this.invariants.onSend(member.id, member.disk, message)
    for (const node of to) {
      if (!this.#quietKinds.has(message.kind)) this.#log(`n${member.id} -> n${node} ${formatMessage(message)}`)
      this.network.push({ from: member.id, to: node, message })
      this.#hooks.onAction?.(member.id, message)
    }
  }
}

/** As a replica tells its engine: the stop sign is left out. */
function appliedBy({ learned, learnedUpTo }: Member): Slot {
  return learned.get((learnedUpTo - 1) as Slot)?.kind === 'stopSign' ? ((learnedUpTo - 1) as Slot) : learnedUpTo
}

function ballotOf(member: Member): Ballot {
  return member.engine?.status().ballot ?? zeroBallot(firstEpoch)
}
