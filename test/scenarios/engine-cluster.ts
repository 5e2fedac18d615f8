import { assert } from '../../src/base/assert.ts'
import { fromBinary, toBinary } from '../../src/base/bytes.ts'
import { Random } from '../../src/base/random.ts'
import type { Ballot } from '../../src/protocol/ballot.ts'
import type { Effect, Send, Write } from '../../src/protocol/effect.ts'
import type { Entry } from '../../src/protocol/entry.ts'
import type { Epoch } from '../../src/protocol/epoch.ts'
import type { Event } from '../../src/protocol/event.ts'
import { firstEpoch, firstSlot, type NodeId, type Slot, toIncarnation, toNodeId } from '../../src/protocol/ids.ts'
import type { Message, Vote } from '../../src/protocol/multipaxos/message.ts'
import { type AcceptorState, MultiPaxos } from '../../src/protocol/multipaxos/multipaxos.ts'
import { defaultMultiPaxosOptions, type MultiPaxosOptions } from '../../src/protocol/multipaxos/options.ts'

/** What survives a crash of one node: exactly the writes whose commit finished. */
export class Disk {
  promised: Ballot | undefined
  chosenUpTo = firstSlot
  truncatedUpTo = firstSlot
  readonly votes = new Map<Slot, Vote>()

  apply(writes: readonly Write[]): void {
    for (const write of writes) {
      if (write.kind === 'promise') this.promised = write.ballot
      else if (write.kind === 'chosen') this.chosenUpTo = write.upTo
      else if (write.kind === 'truncate') {
        this.truncatedUpTo = write.upTo
        for (const slot of this.votes.keys()) if (slot < write.upTo) this.votes.delete(slot)
      } else {
        const { slot, ballot, entry, chosen } = write
        this.votes.set(slot, { slot, ballot, entry, chosen })
      }
    }
  }

  state(): AcceptorState {
    const votes = [...this.votes.values()].sort((a, b) => a.slot - b.slot)
    const { promised, chosenUpTo, truncatedUpTo } = this
    return { promised, chosenUpTo, truncatedUpTo, votes, unknown: [] }
  }
}

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
  readonly disk: Disk
  incarnation = 0
  engine: MultiPaxos | undefined
  /** Commits that are not durable yet, in order. */
  commits: Commit[] = []
  /** Learned entries by slot, over all lives: each life applies from where its disk of the machine was. */
  readonly learned = new Map<Slot, Entry>()
  learnedUpTo = firstSlot
  readonly proposedSlots = new Map<number, Slot>()
  readonly readable = new Map<number, { upTo: Slot; by: string }>()
  isLeading = false

  constructor(id: NodeId, disk: Disk) {
    this.id = id
    this.disk = disk
  }
}

export interface ClusterSetup {
  readonly nodes: number
  readonly q1?: number
  readonly q2?: number
  readonly leaseMs?: number
  readonly seed?: number
  readonly options?: Partial<MultiPaxosOptions>
}

/**
 * Real engines, a network that does nothing by itself, disks that forget what was not committed, and one clock that moves
 * when told. Every step is the caller's: which packet arrives, which commit finishes, who crashes.
 */
export class EngineCluster {
  readonly epoch: Epoch
  readonly members: readonly Member[]
  readonly chosen = new Map<Slot, string>()
  network: Packet[] = []
  now = 1000
  readonly #options: MultiPaxosOptions
  readonly #seed: number
  readonly #log: (line: string) => void
  #proposal = 0

  constructor(
    { nodes, q1, q2, leaseMs = 0, seed = 1, options = {} }: ClusterSetup,
    log: (line: string) => void = () => {},
  ) {
    const majority = Math.floor(nodes / 2) + 1
    this.#log = log
    this.#seed = seed
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
    }
    this.members = ids.map((id) => new Member(id, new Disk()))
    for (const member of this.members) this.start(member.id)
  }

  member(id: NodeId): Member {
    const member = this.members[id - 1]
    assert(member !== undefined, `no member ${id}`)
    return member
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
      appliedUpTo: member.learnedUpTo,
      random: new Random(this.#seed * 1000 + id * 10 + member.incarnation),
      options: this.#options,
      now: this.now,
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

  tick(id: NodeId): void {
    this.step(id, { kind: 'tick' })
    this.flush(id)
  }

  flush(id: NodeId): void {
    this.step(id, { kind: 'flush' })
  }

  propose(id: NodeId, text: string): number {
    this.#proposal++
    const entry: Entry = { kind: 'batch', payload: fromBinary(text) }
    this.step(id, { kind: 'propose', proposal: this.#proposal, entry })
    this.flush(id)
    return this.#proposal
  }

  deliver(packet: Packet): void {
    if (this.member(packet.to).engine === undefined) return
    this.step(packet.to, { kind: 'message', from: packet.from, message: packet.message })
    this.flush(packet.to)
  }

  /** The oldest commit of this node finishes: it is durable, and what waited for it leaves. */
  sync(id: NodeId): void {
    const member = this.member(id)
    const commit = member.commits.shift()
    if (commit === undefined) return
    member.disk.apply(commit.writes)
    for (const send of commit.release) this.#send(member, send)
  }

  step(id: NodeId, event: Event): void {
    const member = this.member(id)
    if (member.engine === undefined) return
    for (const effect of member.engine.step(this.now, event)) this.#perform(member, effect)
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
  run(ms: number, allow: (packet: Packet) => boolean = () => true): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 20
      for (const member of this.members) this.tick(member.id)
      this.settle(allow)
    }
  }

  leader(): Member | undefined {
    return this.members.find((member) => member.engine?.status().steady === true)
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
        this.#log(`n${member.id} elected at ${effect.ballot.round}.${effect.ballot.node}`)
        this.#proposal++
        this.step(member.id, {
          kind: 'propose',
          proposal: this.#proposal,
          entry: { kind: 'barrier', payload: new Uint8Array(0) },
        })
        return
      case 'proposed':
        member.proposedSlots.set(effect.proposal, effect.slot)
        this.#log(`n${member.id} proposes in slot ${effect.slot} at ${effect.ballot.round}.${effect.ballot.node}`)
        return
      case 'readable':
        member.readable.set(effect.read, { upTo: effect.upTo, by: effect.by })
        this.#log(`n${member.id} may read below ${effect.upTo} by ${effect.by}`)
        return
      case 'role':
        member.isLeading = effect.role === 'leader'
        this.#log(`n${member.id} ${effect.role}${effect.leader === undefined ? '' : ` of n${effect.leader}`}`)
        return
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
    this.step(member.id, { kind: 'restored', upTo: donor.learnedUpTo })
    this.flush(member.id)
  }

  #onLearn(member: Member, slot: Slot, entry: Entry): void {
    if (slot < member.learnedUpTo) return
    assert(slot === member.learnedUpTo, `n${member.id} learns ${slot}, expected ${member.learnedUpTo}`)
    const text = formatEntry(entry)
    const known = this.chosen.get(slot)
    assert(
      known === undefined || known === text,
      `slot ${slot}: n${member.id} learned ${text}, another learned ${known}`,
    )
    this.chosen.set(slot, text)
    member.learned.set(slot, entry)
    member.learnedUpTo = (slot + 1) as Slot
    this.#log(`n${member.id} learns ${text} in slot ${slot}`)
    if (member.engine !== undefined) {
      this.step(member.id, { kind: 'applied', upTo: member.learnedUpTo, durableUpTo: member.learnedUpTo })
    }
  }

  #send(member: Member, { to, message }: Send): void {
    for (const node of to) {
      if (!quietKinds.has(message.kind)) this.#log(`n${member.id} -> n${node} ${formatMessage(message)}`)
      this.network.push({ from: member.id, to: node, message })
    }
  }
}

const quietKinds: ReadonlySet<string> = new Set(['survey', 'surveyReply', 'heartbeat', 'heartbeatAck'])

export function formatEntry({ kind, payload }: Entry): string {
  return kind === 'batch' ? toBinary(payload) : kind
}

function formatWrite(write: Write): string {
  switch (write.kind) {
    case 'promise':
      return `promise ${write.ballot.round}.${write.ballot.node}`
    case 'vote': {
      const learned = write.chosen ? ' (learned)' : ''
      return `vote ${write.slot}=${formatEntry(write.entry)}@${write.ballot.round}.${write.ballot.node}${learned}`
    }
    case 'chosen':
    case 'truncate':
      return `${write.kind} up to ${write.upTo}`
  }
}

export function formatMessage(message: Message): string {
  const ballot = 'ballot' in message ? ` ${message.ballot.round}.${message.ballot.node}` : ''
  switch (message.kind) {
    case 'prepare':
      return `prepare${ballot} from ${message.fromSlot}`
    case 'promise': {
      const votes = message.votes.map((v) => `${v.slot}=${formatEntry(v.entry)}@${v.ballot.round}.${v.ballot.node}`)
      const truncated = message.truncatedUpTo === 0 ? '' : ` truncated up to ${message.truncatedUpTo}`
      return `promise${ballot} chosen up to ${message.chosenUpTo}${truncated} votes [${votes.join(' ')}]`
    }
    case 'accept': {
      const entries = message.entries.map(({ slot, entry }) => `${slot}=${formatEntry(entry)}`)
      return `accept${ballot} [${entries.join(' ')}] decided [${message.decided.from}, ${message.decided.upTo})`
    }
    case 'accepted':
      return `accepted${ballot} ${message.ranges.map(({ from, to }) => `[${from}, ${to})`).join(' ')}`
    case 'nack':
      return `nack${ballot} promised ${message.promised.round}.${message.promised.node}${message.leaseMs > 0 ? ' lease' : ''}`
    case 'decide':
      return `decide${ballot} [${message.decided.from}, ${message.decided.upTo})`
    case 'catchup':
      return `catchup [${message.range.from}, ${message.range.to})`
    case 'catchupReply':
      return `catchupReply [${message.entries.map(({ slot, entry }) => `${slot}=${formatEntry(entry)}`).join(' ')}]`
    default:
      return `${message.kind}${ballot}`
  }
}
