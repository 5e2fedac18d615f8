/**
 * Notices when the machines of the members are not the same any more: compares their hash chains from time to time and on
 * demand, and answers the others who do. Nothing is decided by it but whether this node may still answer reads.
 *
 * A node whose machine differs from that of a majority goes on as an acceptor, for its votes are right: they say what was
 * chosen, not what came of it. What it has applied is wrong, so it serves no reads, gives its data to nobody, and does not
 * lead, for a leader's machine answers the writes. It stays so until its data are replaced.
 */
import type { NodeId, Slot } from '../protocol/ids.ts'
import { ChainComparison, type ChainRange, type ChainReport, type ChainVerdict } from './chain-comparison.ts'
import { type ContentOutcome, ContentVerifier } from './content-verifier.ts'
import { type Diverged, DivergenceRecord } from './divergence.ts'
import type { Observer } from './observer.ts'
import type { RuntimeMessage } from './peer-message.ts'
import { Poll } from './poll.ts'
import type { Clock } from './ports.ts'
import type { ReplicaSetup } from './replica-setup.ts'
import type { ReplicaState } from './state.ts'

type VerifyMessage = Extract<RuntimeMessage, { kind: 'chain' | 'chainReply' | 'content' | 'contentReply' }>

export interface VerifierHost {
  /** All of this epoch, this node included. */
  readonly members: () => readonly NodeId[]
  readonly send: (to: readonly NodeId[], message: RuntimeMessage) => void
  /** This node's machine was found to differ from that of a majority. */
  onDiverged(): void
}

/** Soon after the start: a node that diverged in an earlier incarnation must not serve for long. */
const firstAfterMs = 500
/** How long the members may take to answer a comparison that nobody waits for. */
const patienceMs = 1000

export class Verifier {
  readonly #self: NodeId
  readonly #clock: Clock
  readonly #observer: Observer
  /** 0 = only on demand. */
  readonly #everyMs: number
  readonly #state: ReplicaState
  readonly #host: VerifierHost
  readonly #chains = new Poll<ChainReport>()
  readonly #content: ContentVerifier
  readonly #record = new DivergenceRecord()
  #nextAt: number
  #isComparing = false

  constructor({ self, clock, observer, options }: ReplicaSetup, state: ReplicaState, host: VerifierHost) {
    this.#self = self
    this.#clock = clock
    this.#observer = observer
    this.#everyMs = options.verifyEveryMs
    this.#state = state
    this.#host = host
    this.#content = new ContentVerifier(self, clock, state, host)
    this.#nextAt = clock.now() + Math.min(firstAfterMs, this.#everyMs)
  }

  get checkedUpTo(): Slot | undefined {
    return this.#record.checkedUpTo
  }

  get diverged(): readonly Diverged[] {
    return this.#record.diverged
  }

  /** Set when a majority of the members has another state than this node. */
  get own(): Diverged | undefined {
    const own = this.#record.of(this.#self)
    return own?.isMinority === true ? own : undefined
  }

  /** Asks every member, again and again until the first difference is found. `roundMs` bounds each round. */
  compare(range: ChainRange, roundMs: number, done: (verdict: ChainVerdict) => void): void {
    const comparison = new ChainComparison(this.#host.members(), range)
    const step = (): void => {
      const slots = comparison.next()
      if (slots === undefined) {
        this.#note(comparison.verdict())
        done(comparison.verdict())
        return
      }
      this.#ask(slots, comparison.asked, roundMs, (reports) => {
        comparison.add(reports)
        step()
      })
    }
    step()
  }

  /** One page of keys from `start` on. Without a revision, at the newest that all members who answer have reached. */
  compareContent(
    { revision, start }: { readonly revision: number | undefined; readonly start: string },
    roundMs: number,
    done: (outcome: ContentOutcome) => void,
  ): void {
    if (revision !== undefined) {
      this.#content.compare(revision, start, roundMs, done)
      return
    }
    this.#ask([], this.#host.members(), roundMs, (reports) => {
      const known = [...reports.values()]
      const reached = Math.min(...known.map((report) => report.revision), Number.MAX_SAFE_INTEGER)
      // Who is behind what is compacted elsewhere says so.
      const readable = Math.max(0, ...known.map((report) => report.compactedRevision))
      this.#content.compare(Math.max(reached, readable), start, roundMs, done)
    })
  }

  onMessage(from: NodeId, message: VerifyMessage): void {
    if (message.kind === 'content' || message.kind === 'contentReply') {
      this.#content.onMessage(from, message)
      return
    }
    if (message.kind === 'chain') {
      const report = this.#report(message.slots)
      if (report === undefined) return
      const { values, ...rest } = report
      const known = [...values].map(([slot, value]) => ({ slot, value }))
      this.#host.send([from], { kind: 'chainReply', id: message.id, ...rest, values: known })
      return
    }
    const { kind: _, id, values, ...rest } = message
    this.#chains.onAnswer(from, id, { ...rest, values: new Map(values.map(({ slot, value }) => [slot, value])) })
  }

  onTick(now: number): void {
    this.#chains.onTick(now)
    this.#content.onTick(now)
    if (this.#everyMs === 0 || this.#isComparing || now < this.#nextAt) return
    this.#nextAt = now + this.#everyMs
    this.#isComparing = true
    this.compare({ from: undefined, to: undefined }, patienceMs, () => {
      this.#isComparing = false
    })
  }

  #ask(
    slots: readonly Slot[],
    nodes: readonly NodeId[],
    roundMs: number,
    done: (reports: ReadonlyMap<NodeId, ChainReport>) => void,
  ): void {
    const own = nodes.includes(this.#self) ? this.#report(slots) : undefined
    const answers = new Map(own === undefined ? [] : [[this.#self, own]])
    const others = nodes.filter((node) => node !== this.#self)
    const id = this.#chains.ask(answers, answers.size + others.length, this.#clock.now() + roundMs, done)
    if (others.length > 0) this.#host.send(others, { kind: 'chain', id, slots })
  }

  /** Undefined while the data are being replaced. */
  #report(slots: readonly Slot[]): ChainReport | undefined {
    const state = this.#state
    if (state.isInstalling) return undefined
    const { chain, revision, compactedRevision } = state.machine
    const values = new Map(
      slots.flatMap((slot) => {
        const value = state.chainAt(slot)
        return value === undefined ? [] : [[slot, value] as const]
      }),
    )
    return { appliedUpTo: state.appliedUpTo, since: chain.since, revision, compactedRevision, values }
  }

  #note(verdict: ChainVerdict): void {
    const { found, cleared } = this.#record.note(verdict)
    for (const diverged of found) {
      this.#observer.divergence(diverged, false)
      if (diverged.node === this.#self && diverged.isMinority) this.#host.onDiverged()
    }
    for (const diverged of cleared) this.#observer.divergence(diverged, true)
  }
}
