import assert from 'node:assert/strict'
import type { ErrorCode } from '../../src/base/error.ts'
import { chainZero } from '../../src/machine/chain.ts'
import { encodeBatch } from '../../src/machine/command-codec.ts'
import { KvMachine } from '../../src/machine/kv-machine.ts'
import type { Answer, Query } from '../../src/machine/request.ts'
import type { Role } from '../../src/protocol/effect.ts'
import type { Entry } from '../../src/protocol/entry.ts'
import type { Epoch, Member } from '../../src/protocol/epoch.ts'
import {
  firstEpoch,
  firstGroup,
  firstSlot,
  type NodeId,
  type Slot,
  toIncarnation,
  toNodeId,
  toSlot,
} from '../../src/protocol/ids.ts'
import type { SlotRange } from '../../src/protocol/multipaxos/message.ts'
import {
  ChainComparison,
  type ChainRange,
  type ChainReport,
  type ChainVerdict,
} from '../../src/runtime/chain-comparison.ts'
import { ContentComparison } from '../../src/runtime/content-comparison.ts'
import { type ContentBounds, type ContentReport, contentPage, contentParts } from '../../src/runtime/content-parts.ts'
import type { ContentOutcome } from '../../src/runtime/content-verifier.ts'
import { Overlay } from '../../src/runtime/overlay.ts'
import type { Outcome } from '../../src/runtime/peer-message.ts'
import type { StateSnapshot } from '../../src/runtime/ports.ts'
import type {
  AcceptorReport,
  LogLine,
  ReadOutcome,
  ReplicaService,
  ReplicaStatus,
} from '../../src/runtime/replica-service.ts'

const names = ['n1', 'n2', 'n3']
const members: readonly Member[] = names.map((name, i) => ({
  id: toNodeId(i + 1),
  name,
  peerAddress: `127.0.0.1:${7701 + i}`,
  kind: 'acceptor',
}))

export const epoch: Epoch = {
  number: firstEpoch,
  protocol: 'multi',
  members,
  q1: 2,
  q2: 2,
  leaseMs: 0,
  startSlot: firstSlot,
  featureLevel: 1,
  highestId: toNodeId(members.length),
}

/** One log in memory: what several nodes of a test serve. Chooses everything at once, in the order of arrival. */
export class SharedLog {
  readonly view = new Overlay({ get: () => undefined, range: () => [] })
  readonly machine = new KvMachine(this.view)
  readonly entries: Entry[] = []
  leader: NodeId | undefined = toNodeId(1)
  truncatedUpTo = 0
  applied = 0
  #timeMs = 1_000

  append(requests: readonly Uint8Array[], timeMs = this.#timeMs): ReturnType<KvMachine['apply']> {
    this.#timeMs = timeMs
    const entry: Entry = { kind: 'batch', payload: encodeBatch(timeMs, requests) }
    const slot = this.end
    this.entries.push(entry)
    this.applied += requests.length
    return this.machine.apply(slot, entry)
  }

  /** Makes the machine's clock pass, so that sessions expire. */
  passTime(ms: number): void {
    this.#timeMs += ms
  }

  get end(): Slot {
    return toSlot(this.entries.length)
  }
}

/** A real replica service over a SharedLog, with the faults that an API must survive. */
export class SingleReplica implements ReplicaService {
  readonly #log: SharedLog
  readonly #self: NodeId
  #reads: (() => void)[] = []
  #queue: { request: Uint8Array; done: (outcome: Outcome) => void }[] = []
  /** What the next submits and reads fail with. */
  failure: { code: ErrorCode; apply: boolean } | undefined
  /** While true nothing is applied or answered. */
  held = false
  notReady: string | undefined
  /** Members that do not answer. */
  readonly silent = new Set<NodeId>()
  featureLevel = epoch.featureLevel
  reports: readonly AcceptorReport[] | undefined
  diverged: ReplicaStatus['diverged'] = []
  contentReport: ((id: NodeId, asked: ContentBounds) => ContentReport | undefined) | undefined
  chainReports: ((slots: readonly Slot[]) => ReadonlyMap<NodeId, ChainReport>) | undefined
  submits = 0
  handOvers = 0
  /** How many times it gives up in vain. */
  electedAgain = 0
  openSnapshots = 0
  /** How long each submit was given. */
  readonly timeouts: number[] = []

  constructor(log: SharedLog, self = 1) {
    this.#log = log
    this.#self = toNodeId(self)
  }

  submit(request: Uint8Array, timeoutMs: number, done: (outcome: Outcome) => void): void {
    this.submits++
    this.timeouts.push(timeoutMs)
    const { failure } = this
    if (failure !== undefined) {
      if (failure.apply) this.#log.append([request])
      setImmediate(() => done({ kind: 'failed', code: failure.code, message: `fails with ${failure.code}` }))
      return
    }
    this.#queue.push({ request, done })
    if (this.#queue.length === 1) setImmediate(() => this.#step())
  }

  release(): void {
    this.held = false
    for (const read of this.#reads.splice(0)) read()
    this.#step()
  }

  #step(): void {
    if (this.held) return
    const queue = this.#queue
    this.#queue = []
    if (queue.length === 0) return
    const replies = this.#log.append(queue.map(({ request }) => request))
    for (const [i, reply] of replies.entries()) queue[i]?.done({ kind: 'replied', reply })
  }

  read(query: Query, _consistency: unknown, _timeoutMs: number, done: (outcome: ReadOutcome) => void): void {
    const code = this.failure?.code
    if (code === 'NO_LEADER' || code === 'NO_QUORUM' || code === 'OVERLOADED' || code === 'STOPPING') {
      done({ kind: 'failed', code, message: `fails with ${code}` })
      return
    }
    const answer = (): void => {
      done({ kind: 'answered', answer: this.#log.machine.query(query), appliedUpTo: this.#log.end })
    }
    if (this.held) this.#reads.push(answer)
    else setImmediate(answer)
  }

  status(): ReplicaStatus {
    const { leader, end, machine } = this.#log
    const ballot = { epoch: firstEpoch, round: 3, node: toNodeId(1), incarnation: toIncarnation(1), sub: 0 }
    const role: Role = leader === this.#self ? 'leader' : 'follower'
    const others = members.filter((member) => member.id !== this.#self)
    return {
      group: firstGroup,
      epoch,
      isRemoved: false,
      truncatedUpTo: toSlot(this.#log.truncatedUpTo),
      self: this.#self,
      engine: {
        role,
        steady: true,
        leader,
        ballot,
        promised: ballot,
        chosenUpTo: end,
        truncatedUpTo: toSlot(this.#log.truncatedUpTo),
        votedUpTo: end,
        openSlots: 0,
        logBytes: 0,
        elections: 1,
        stop: undefined,
        peers: others.map(({ id }) => ({ id, reachable: !this.silent.has(id), chosenUpTo: end, durableUpTo: end })),
      },
      appliedUpTo: end,
      durableUpTo: end,
      revision: machine.revision,
      compactedRevision: machine.compactedRevision,
      sessions: machine.sessions,
      verifiedUpTo: undefined,
      diverged: this.diverged,
      queuedRequests: this.#queue.length,
      queuedReads: 0,
      notReady: this.notReady,
    }
  }

  snapshot(done: (snapshot: StateSnapshot | undefined) => void): void {
    const entries = [...this.#log.view.range('', undefined)]
    const page: StateSnapshot['page'] = (after, bytesMax) => {
      const rest = entries.filter(([key]) => after === undefined || key > after)
      let [bytes, end] = [0, 0]
      for (const [key, value] of rest) {
        if (bytes >= bytesMax) break
        bytes += key.length + value.length
        end++
      }
      return { entries: rest.slice(0, end), done: end === rest.length }
    }
    this.openSnapshots++
    done({ appliedUpTo: this.#log.end, page, close: () => void this.openSnapshots-- })
  }

  log({ from, to }: SlotRange): readonly LogLine[] {
    const lines: LogLine[] = []
    for (let slot = from; slot < to; slot = toSlot(slot + 1)) {
      const isTruncated = slot < this.#log.truncatedUpTo
      const entry = isTruncated ? undefined : this.#log.entries[slot]
      lines.push({
        slot,
        epoch: firstEpoch,
        state: isTruncated ? 'truncated' : entry === undefined ? 'missing' : 'chosen',
        ballot: { round: 3, node: 1 },
        entry,
      })
    }
    return lines
  }

  epochs(): readonly Epoch[] {
    return [{ ...epoch, featureLevel: this.featureLevel }]
  }

  changeEpoch(): void {
    assert.fail('a single replica changes no epoch')
  }

  seekLeadership(): void {
    assert.fail('a single replica leads for ever')
  }

  handOver(to: NodeId): boolean {
    if (this.#log.leader !== this.#self) return false
    this.handOvers++
    if (this.handOvers > this.electedAgain) this.#log.leader = to
    return true
  }

  inspect(_range: SlotRange, _timeoutMs: number, done: (reports: readonly AcceptorReport[]) => void): void {
    const end = this.#log.end
    const own = {
      node: this.#self,
      truncatedUpTo: toSlot(this.#log.truncatedUpTo),
      chosenUpTo: end,
      votedUpTo: end,
      promised: { round: 3, node: 1 },
      slots: [],
    }
    setImmediate(() => done(this.reports ?? [own]))
  }

  /** Every member is asked, and says what `chainReports` has it say instead of what the log's machine does. */
  verify(range: ChainRange, _roundMs: number, done: (verdict: ChainVerdict) => void): void {
    const comparison = new ChainComparison(
      members.map(({ id }) => id),
      range,
    )
    for (let slots = comparison.next(); slots !== undefined; slots = comparison.next()) {
      comparison.add(
        this.chainReports?.(slots) ?? new Map(members.map(({ id }) => [id, this.#chainReport(slots ?? [])])),
      )
    }
    setImmediate(() => done(comparison.verdict()))
  }

  /** As if all members served the same log, but for what `contentReport` has them say. */
  verifyContent(
    { revision, start }: { readonly revision: number | undefined; readonly start: string },
    _roundMs: number,
    done: (outcome: ContentOutcome) => void,
  ): void {
    const { machine } = this.#log
    const at = revision ?? machine.revision
    const ask = (query: Query): Answer => machine.query(query)
    const page = contentPage(ask, at, start)
    if ('kind' in page) {
      setImmediate(() => done({ kind: 'failed', code: page.code, message: page.message }))
      return
    }
    const { items, end } = page
    const ids = members.map(({ id }) => id)
    const keys = items.map(({ key }) => key)
    const comparison = new ContentComparison(ids, keys, { start, end })
    for (let wanted = comparison.next(); wanted !== undefined; wanted = comparison.next()) {
      const asked = wanted
      const report = (id: NodeId): ContentReport => this.contentReport?.(id, asked) ?? contentParts(ask, at, asked)
      comparison.add(new Map(ids.map((id) => [id, report(id)])))
    }
    const verdict = comparison.verdict()
    setImmediate(() => done({ kind: 'compared', revision: at, keys: keys.length, next: end, verdict }))
  }

  #chainReport(slots: readonly Slot[]): ChainReport {
    const { machine, end } = this.#log
    const { revision, compactedRevision, chain } = machine
    const values = new Map(slots.map((slot) => [slot, machine.chainAt(slot) ?? chainZero]))
    return { appliedUpTo: end, since: chain.since, revision, compactedRevision, values }
  }
}
