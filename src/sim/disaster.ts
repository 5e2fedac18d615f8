import { Random } from '../base/random.ts'
import { recoveryGap } from '../machine/restored.ts'
import { acceptorIds, isMember, quorumsOf } from '../protocol/epoch.ts'
import { type PlannedRecovery, planRecovery, type Recovery } from '../protocol/recovery/recovery.ts'
import { mergeEpochs, type Survivor } from '../protocol/recovery/survivor.ts'
import { recoveredWrites } from '../runtime/recovered-writes.ts'
import { storedSurvivor } from '../runtime/stored-survivor.ts'
import type { NemesisHost } from './nemesis.ts'
import type { Link } from './network.ts'
import type { SimNode } from './node.ts'

export interface DisasterHost extends NemesisHost {
  /** Before anything of it is written: from now on `survivors` are the cluster. */
  onPlanned(recovery: Recovery, survivors: readonly SimNode[]): void
}

/** Clusters by what they call themselves: messages between different ones are refused. */
const recoveredCluster = 1
const outcastCluster = -1

/** Longer than an answer takes to a client: what is answered later is answered by the recovered cluster. */
const answerMs = 5

/**
 * A quorum dies for good, in the middle of everything, and an operator recovers the cluster with those that are left, as
 * `paxos recover` does: all are stopped, a plan is made from their disks and written into each, they start again.
 */
export class Disaster {
  readonly #host: DisasterHost
  readonly #random: Random
  #isUnderWay = false
  #isStopped = false
  #recovered: Recovery | undefined

  constructor(host: DisasterHost) {
    this.#host = host
    this.#random = new Random(host.options.seed ^ 0xdead)
  }

  /** Somebody is dead, and not all that are left are up to date. */
  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  get isOver(): boolean {
    return this.#recovered !== undefined && !this.#isUnderWay
  }

  start(): void {
    const { atMs } = this.#host.options.recovery
    if (atMs > 0) this.#host.scheduler.after(atMs, () => this.#begin())
  }

  /** Nobody dies any more. What has begun goes on to its end. */
  stop(): void {
    this.#isStopped = true
  }

  #begin(): void {
    if (this.#isStopped) return
    const { nodes, options, network, scheduler } = this.#host
    const dead = nodes.filter(() => this.#random.chance(options.recovery.deaths))
    const left = nodes.filter((node) => !dead.includes(node))
    if (!isQuorumLost(left)) {
      scheduler.after(300, () => this.#begin())
      return
    }
    this.#isUnderWay = true
    const { apartMs, aloneMs } = options.recovery
    const links = apartMs > 0 ? this.#linksBetween(dead, left) : []
    network.cut(links)
    scheduler.after(apartMs, () => {
      network.mend(links)
      for (const node of dead) this.#switchOff(node, 'for good')
      scheduler.after(aloneMs, () => {
        for (const node of nodes) this.#switchOff(node, 'stopped by its operator')
        scheduler.after(answerMs, () => this.#plan(nodes.filter((node) => !dead.includes(node))))
      })
    })
  }

  /** Both ways, or one, so that those that die may hear of what they choose alone or not. */
  #linksBetween(some: readonly SimNode[], others: readonly SimNode[]): Link[] {
    const pairs = some.flatMap((a) => others.map((b): Link => [a.id, b.id]))
    const back = pairs.map(([a, b]): Link => [b, a])
    const draw = this.#random.next()
    if (draw < 0.6) return [...pairs, ...back]
    return draw < 0.8 ? pairs : back
  }

  #switchOff(node: SimNode, why: string): void {
    node.isOff = true
    node.crash(why)
  }

  #plan(left: readonly SimNode[]): void {
    const { nodes, coverage } = this.#host
    const survivors = membersOfNewest(left)
    const planned = isQuorumLost(survivors) ? this.#planFor(survivors.map(survivorOf)) : undefined
    const recovery = planned?.problems.length === 0 ? planned.recovery : undefined
    if (recovery === undefined) {
      // What is chosen and in nobody's hands cannot be made up; or they are a quorum by now. The dead come back, all of them.
      this.#host.log(`makes no plan: ${planned?.problems.join(' ') ?? 'a quorum is left'}`)
      for (const node of nodes) node.isOff = false
      this.#isUnderWay = false
      return
    }
    coverage.hit('recovery.planned')
    this.#host.log(
      `recovers with ${survivors.map(({ id }) => `n${id}`).join(' ')} from slot ${recovery.from} up to ${recovery.next.startSlot}, ${recovery.raisedBy === 0 ? 'without loss' : 'with possible loss'}`,
    )
    for (const node of nodes) node.isOutcast = !survivors.includes(node)
    this.#host.onPlanned(recovery, survivors)
    this.#recovered = recovery
    const waiting = new Set(survivors)
    for (const node of survivors) {
      node.mayCorrupt = false
      this.#host.scheduler.after(2000 * this.#random.next() ** 2, () => this.#apply(recovery, node, waiting))
    }
    this.#bringBack(nodes.filter((node) => node.isOutcast))
  }

  /** As an operator does: who is dead is what the first attempt names. */
  #planFor(survivors: readonly Survivor[]): PlannedRecovery {
    const by = { origin: { actor: 'operator', node: '', address: '' }, timeMs: Math.floor(this.#host.scheduler.now) }
    const wishes = { q1: undefined, q2: undefined, raiseBy: recoveryGap, by }
    const { recovery } = planRecovery({ survivors, dead: [], ...wishes })
    return planRecovery({ survivors, dead: recovery?.dead.map(({ name }) => name) ?? [], ...wishes })
  }

  /** In one transaction, which may not come to be; whose directory it is follows, and until then nobody starts it. */
  #apply(recovery: Recovery, node: SimNode, waiting: Set<SimNode>): void {
    const { scheduler, options, coverage, network } = this.#host
    const isInterrupted = this.#random.chance(options.recovery.interrupted)
    const isWritten = !isInterrupted || this.#random.chance(0.5)
    if (isWritten && node.cluster !== recoveredCluster) {
      const logs = recovery.logs.map((log) => ({ ...log, epoch: log.epoch.number }))
      node.acceptorDisk.recover(recoveredWrites({ ...recovery, logs }, node.id, node.acceptorDisk))
      node.cluster = recoveredCluster
    }
    if (isInterrupted) {
      coverage.hit('recovery.interrupted')
      scheduler.after(500 * this.#random.next(), () => this.#apply(recovery, node, waiting))
      return
    }
    network.join(node.id, recoveredCluster)
    this.#host.log(`has n${node.id} recovered`)
    node.isOff = false
    waiting.delete(node)
    this.#isUnderWay = waiting.size > 0
  }

  /** One of the dead was not dead, and nobody has told it anything. Two might go on with the old cluster. */
  #bringBack(outcasts: readonly SimNode[]): void {
    const { options, scheduler, network, coverage } = this.#host
    for (const { id } of outcasts) network.join(id, outcastCluster)
    const returning = outcasts[this.#random.integer(0, outcasts.length)]
    if (returning === undefined || !this.#random.chance(options.recovery.returns)) return
    const { epochs } = returning.acceptorDisk
    const suffices = epochs.some((epoch) => {
      const { isPhase1, isPhase2 } = quorumsOf(epoch)
      const alone = new Set([returning.id].filter((id) => acceptorIds(epoch).has(id)))
      return isPhase1(alone) && isPhase2(alone)
    })
    if (suffices) return
    scheduler.after(8000 * this.#random.next(), () => {
      coverage.hit('recovery.returned')
      this.#host.log(`has n${returning.id} come back from the dead`)
      returning.isOff = false
    })
  }
}

/** What their disks say of the newest epoch that any of them knows. */
function membersOfNewest(left: readonly SimNode[]): readonly SimNode[] {
  const newest = mergeEpochs(...left.map((node) => survivorOf(node).epochs)).at(-1)
  return left.filter(({ id }) => newest !== undefined && isMember(newest, id))
}

/** Neither do they make a quorum of the newest epoch that they know, nor is nobody left. */
function isQuorumLost(left: readonly SimNode[]): boolean {
  const newest = mergeEpochs(...left.map(({ acceptorDisk }) => acceptorDisk.epochs)).at(-1)
  if (newest === undefined) return false
  const { isPhase1, isPhase2 } = quorumsOf(newest)
  const acceptors = new Set(left.map(({ id }) => id).filter((id) => acceptorIds(newest).has(id)))
  return left.some(({ id }) => isMember(newest, id)) && !(isPhase1(acceptors) && isPhase2(acceptors))
}

function survivorOf({ id, acceptorDisk, stateDisk }: SimNode): Survivor {
  return {
    ...{ id, name: `n${id}`, clusterId: 'c', diskId: `d${id}` },
    ...storedSurvivor(id, acceptorDisk, stateDisk.view),
    incarnations: [],
    met: [],
  }
}
