import type { Role } from '../protocol/effect.ts'
import type { Epoch, Member } from '../protocol/epoch.ts'
import type { NodeId } from '../protocol/ids.ts'
import type { Diverged } from '../runtime/divergence.ts'
import type { Observer, RequestTiming } from '../runtime/observer.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import type { RecentFlushes } from './recent-flushes.ts'
import type { SlowLog } from './slow-log.ts'
import type { SpaceWatch } from './space/space-watch.ts'

/** Tells metrics everything, and the log what an operator wants to read. */
export class NodeObserver implements Observer {
  readonly #metrics: Metrics
  readonly #flushes: RecentFlushes
  readonly #slowLog: SlowLog
  readonly #space: Pick<SpaceWatch, 'lookAtState'>
  readonly #logger: Logger
  #names: ReadonlyMap<NodeId, string>

  constructor(
    metrics: Metrics,
    flushes: RecentFlushes,
    slowLog: SlowLog,
    space: Pick<SpaceWatch, 'lookAtState'>,
    logger: Logger,
    members: readonly Member[],
  ) {
    this.#metrics = metrics
    this.#flushes = flushes
    this.#slowLog = slowLog
    this.#space = space
    this.#logger = logger
    this.#names = new Map(members.map((member) => [member.id, member.name]))
  }

  committed(durationMs: number, writes: number): void {
    this.#metrics.committed(durationMs, writes)
    this.#flushes.note(durationMs)
  }

  stateCommitted(durationMs: number, changes: number): void {
    this.#metrics.stateCommitted(durationMs, changes)
    this.#space.lookAtState()
  }

  proposed(requests: number, bytes: number): void {
    this.#metrics.proposed(requests, bytes)
  }

  applied(requests: number): void {
    this.#metrics.applied(requests)
  }

  requestDone(timing: RequestTiming, outcome: 'replied' | 'failed'): void {
    this.#metrics.requestDone(timing, outcome)
    this.#slowLog.requestDone(timing)
  }

  readDone(durationMs: number, by: 'readIndex' | 'lease' | 'stale', ok: boolean): void {
    this.#metrics.readDone(durationMs, by, ok)
  }

  roleChanged(role: Role, leader: NodeId | undefined, round: number, node: number): void {
    this.#metrics.roleChanged(role, leader, round, node)
    const name = leader === undefined ? undefined : (this.#names.get(leader) ?? String(leader))
    this.#logger.info({ role, leader: name, ballot: `${round}.${node}` }, 'role or leader changed')
  }

  epochBegan(epoch: Epoch): void {
    // Names of those that left are kept: the log may still speak of them.
    this.#names = new Map([...this.#names, ...epoch.members.map(({ id, name }) => [id, name] as const)])
    const members = epoch.members.map(({ name, kind }) => (kind === 'learner' ? `${name} (learner)` : name))
    const { number, q1, q2, startSlot } = epoch
    this.#logger.info({ epoch: number, members: members.join(', '), q1, q2, startSlot }, 'a new epoch has begun')
  }

  snapshotSent(bytes: number): void {
    this.#metrics.snapshotSent(bytes)
  }

  snapshotInstalled(upTo: number): void {
    this.#metrics.snapshotInstalled(upTo)
    this.#logger.info({ upTo }, 'a snapshot was installed')
  }

  divergence({ node, first, isMinority }: Diverged, isOver: boolean): void {
    this.#metrics.divergence(isOver)
    const member = this.#names.get(node) ?? String(node)
    if (isOver) {
      this.#logger.info({ member }, 'the data of a member are the same again')
      return
    }
    const fields = { member, firstSlot: first.from, beforeSlot: first.to, isMinority }
    this.#logger.error(fields, 'the data of a member have diverged')
  }

  note(level: 'info' | 'warn', message: string, fields: Readonly<Record<string, string | number | boolean>>): void {
    this.#logger[level](fields, message)
  }
}
