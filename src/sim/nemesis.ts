import { Random } from '../base/random.ts'
import type { NextEpoch } from '../protocol/epoch.ts'
import { auditLevel } from '../protocol/feature-level.ts'
import type { NodeId } from '../protocol/ids.ts'
import type { Attribution } from '../protocol/origin.ts'
import type { ChangeOutcome } from '../runtime/epoch-change.ts'
import { Ambush } from './ambush.ts'
import { drawChange } from './draw-change.ts'
import type { Coverage, FaultPoint } from './fault-points.ts'
import { type Link, type Network, stamp } from './network.ts'
import type { SimNode } from './node.ts'
import type { SimOptions } from './options.ts'
import type { Scheduler } from './scheduler.ts'
import { type Trace, traceKind } from './trace.ts'

export interface NemesisHost {
  readonly options: SimOptions
  readonly scheduler: Scheduler
  readonly network: Network
  readonly nodes: readonly SimNode[]
  readonly coverage: Coverage
  readonly trace: Trace
  /** For the transcript. */
  log(what: string): void
}

type Shape = Extract<FaultPoint, `net.partition.${string}`>

const shapes: readonly Shape[] = [
  'net.partition.isolate',
  'net.partition.halves',
  'net.partition.oneWay',
  'net.partition.bridge',
  'net.partition.chained',
  'net.partition.constrained',
  'net.partition.quorumLoss',
  'net.partition.random',
]

/** Makes things go wrong: cuts links, crashes, pauses and restarts nodes, fills disks, moves clocks. Until it is stopped. */
export class Nemesis {
  readonly #host: NemesisHost
  readonly #random: Random
  readonly #ambush: Ambush
  #isStopped = false

  constructor(host: Omit<NemesisHost, 'log'>, random: Random) {
    this.#host = { ...host, log: (what) => this.#log(what) }
    this.#random = random
    const later = (delayMs: number, task: () => void): void => this.#after(delayMs, task)
    this.#ambush = new Ambush(this.#host, new Random(random.integer(0, 2 ** 31)), later)
  }

  start(): void {
    const { network, process, disk, clock, changes, operator } = this.#host.options
    this.#every(network.partitionEveryMs, () => this.#partition())
    this.#every(process.crashEveryMs, () => this.#crash())
    this.#every(network.clogEveryMs, () => this.#clog())
    this.#every(process.pauseEveryMs, () => this.#pause())
    this.#every(process.stopEveryMs, () => this.#stopNode())
    this.#every(process.ambushEveryMs, () => this.#ambush.strike())
    this.#every(disk.fullEveryMs, () => this.#fillDisk())
    this.#every(changes.everyMs, () => this.#changeEpoch())
    this.#every(operator.handOverEveryMs, () => this.#handOver())
    this.#every(operator.takeOverEveryMs, () => this.#takeOver())
    this.#every(clock.wallJumpEveryMs, () => this.#jumpWall())
    this.#every(clock.suspendEveryMs, () => this.#suspend())
    this.#keepAlive()
  }

  /** No new faults. What is down stays down until the caller says otherwise. */
  stop(): void {
    this.#isStopped = true
    this.#host.network.heal()
  }

  /** A leader was elected, and knows nothing of those before it but what phase 1 told it. */
  onElected(node: SimNode): void {
    if (this.#isStopped || !this.#random.chance(this.#host.options.process.ambushElected)) return
    this.#after(60 * this.#random.next(), () => this.#ambush.strike(node))
  }

  #every(meanMs: number, task: () => void): void {
    if (meanMs === 0) return
    this.#after(meanMs * (0.2 + 1.6 * this.#random.next()), () => {
      task()
      this.#every(meanMs, task)
    })
  }

  #after(delayMs: number, task: () => void): void {
    this.#host.scheduler.after(delayMs, () => {
      if (!this.#isStopped) task()
    })
  }

  /** Nodes that stopped, by a crash or a failed disk, come back some time. */
  #keepAlive(): void {
    const { nodes, options, coverage } = this.#host
    for (const node of nodes) {
      if (!node.mayStart || !this.#random.chance(250 / Math.max(250, options.process.downForMs))) continue
      coverage.hit('process.restart')
      node.start()
    }
    this.#after(250, () => this.#keepAlive())
  }

  #partition(): void {
    const { nodes, network, options, coverage } = this.#host
    if (nodes.length < 2) return
    const shape = this.#pick(shapes)
    coverage.hit(shape)
    const forMs = options.network.partitionForMs * (0.3 + 1.4 * this.#random.next())
    const links = this.#linksOf(shape)
    this.#log(`cuts ${shape}`)
    network.cut(links)
    const flapMs = this.#random.chance(options.network.flap) ? 100 : forMs
    if (flapMs < forMs) coverage.hit('net.flap')
    let isCut = true
    for (let at = flapMs; at < forMs; at += flapMs) {
      this.#after(at, () => {
        isCut = !isCut
        if (isCut) network.cut(links)
        else network.mend(links)
      })
    }
    this.#after(forMs, () => {
      if (isCut) network.mend(links)
      this.#log(`mends ${shape}`)
    })
  }

  /** Directed links to cut. Names are those of protocols 9. */
  #linksOf(shape: Shape): Link[] {
    const ids = this.#shuffled(this.#host.nodes.map((node) => node.id))
    const leader = this.#host.nodes.find((node) => node.engine?.status().role === 'leader')?.id ?? ids[0]
    const others = ids.filter((id) => id !== leader)
    const [hub, second] = others
    const apart = (pairs: (a: NodeId, b: NodeId) => boolean): Link[] =>
      ids.flatMap((a) => ids.filter((b) => a !== b && pairs(a, b)).map((b): Link => [a, b]))
    switch (shape) {
      case 'net.partition.isolate':
        return apart((a, b) => a === leader || b === leader)
      case 'net.partition.halves': {
        const half = new Set(ids.slice(0, Math.ceil(ids.length / 2)))
        return apart((a, b) => half.has(a) !== half.has(b))
      }
      case 'net.partition.oneWay': {
        const hears = this.#random.chance(0.5)
        return apart((a, b) => (hears ? a === leader : b === leader))
      }
      case 'net.partition.bridge': {
        const half = new Set(others.filter((id) => id !== hub).slice(0, Math.floor(ids.length / 2)))
        return apart((a, b) => a !== hub && b !== hub && half.has(a) !== half.has(b))
      }
      case 'net.partition.chained':
        return apart((a, b) => (a === leader && b === second) || (a === second && b === leader))
      case 'net.partition.constrained':
        return apart((a, b) => a !== hub && b !== hub)
      case 'net.partition.quorumLoss':
        // The leader lives and reaches one node, which reaches everybody.
        return apart((a, b) => (a === leader && b !== hub) || (b === leader && a !== hub))
      case 'net.partition.random': {
        const share = this.#random.next()
        return apart(() => this.#random.chance(share))
      }
    }
  }

  #crash(): void {
    const node = this.#pick(this.#host.nodes)
    if (!node.isUp) return
    this.#host.coverage.hit('crash.atRandom')
    node.crash('out of nowhere')
  }

  #pause(): void {
    const node = this.#pick(this.#host.nodes)
    if (!node.isUp || node.isPaused) return
    this.#host.coverage.hit('process.pause')
    node.pause()
    const forMs = this.#host.options.process.pauseForMs * (0.2 + 1.6 * this.#random.next())
    this.#host.scheduler.after(forMs, () => node.resume())
  }

  #clog(): void {
    const { nodes, network, options } = this.#host
    const { id } = this.#pick(nodes)
    const others = nodes.map((node) => node.id).filter((other) => other !== id)
    const forMs = options.network.clogForMs * (0.3 + 1.4 * this.#random.next())
    const draw = this.#random.next()
    const links = others.flatMap((other): Link[] => [
      ...(draw < 0.7 ? [[id, other] as const] : []),
      ...(draw > 0.3 ? [[other, id] as const] : []),
    ])
    network.clog(links, forMs)
    this.#log(`clogs links of n${id}`)
  }

  /** A planned restart. A node that does not end by itself is killed, as service managers do. */
  #stopNode(): void {
    const { nodes, coverage, scheduler } = this.#host
    const leader = nodes.find((node) => node.engine?.status().role === 'leader')
    const node = this.#random.chance(0.5) && leader !== undefined ? leader : this.#pick(nodes)
    if (!node.isUp) return
    coverage.hit('process.stop')
    const { incarnation } = node
    node.stop()
    scheduler.after(2000, () => {
      if (node.incarnation === incarnation) node.crash('it does not stop by itself')
    })
  }

  /** Asks whoever thinks that it leads, which may be wrong. */
  #changeEpoch(): void {
    const { nodes, options, coverage } = this.#host
    const leaders = nodes.filter((node) => node.isUp && node.engine?.status().role === 'leader')
    if (leaders.length === 0) return
    const leader = this.#pick(leaders)
    leader.run(() => {
      const { replica } = leader
      if (replica === undefined) return
      const drawn = drawChange(this.#random, replica.epoch, options.nodes + options.changes.spares)
      const next = { ...drawn, featureLevel: Math.max(drawn.featureLevel, options.audit.risesTo) }
      const by = operatorAt(leader, next)
      const done = ({ kind }: ChangeOutcome): void => {
        coverage.hit(kind === 'begun' ? 'epoch.changed' : 'epoch.refused')
        if (kind !== 'begun') return
        if (by !== undefined) coverage.hit('audit.epoch')
        else if (next.featureLevel >= auditLevel) coverage.hit('audit.began')
      }
      replica.changeEpoch(next, 3000, done, by)
    })
  }

  /** To a node that may be down, cut off, or no member. */
  #handOver(): void {
    const { nodes, coverage } = this.#host
    const leaders = nodes.filter((node) => node.isUp && node.engine?.status().role === 'leader')
    if (leaders.length === 0) return
    const leader = this.#pick(leaders)
    const to = this.#pick(nodes)
    if (to === leader) return
    leader.run(() => {
      if (leader.replica?.handOver(to.id) !== true) return
      coverage.hit('operator.handOver')
      this.#log(`has n${leader.id} hand over to n${to.id}`)
    })
  }

  #takeOver(): void {
    const node = this.#pick(this.#host.nodes)
    if (!node.isUp) return
    this.#host.coverage.hit('operator.takeOver')
    this.#log(`has n${node.id} seek leadership`)
    node.run(() => node.replica?.seekLeadership())
  }

  #fillDisk(): void {
    const node = this.#pick(this.#host.nodes)
    node.isFull = true
    this.#log(`fills the disk of n${node.id}`)
    this.#host.scheduler.after(this.#host.options.disk.fullForMs, () => {
      node.isFull = false
    })
  }

  #jumpWall(): void {
    const node = this.#pick(this.#host.nodes)
    this.#host.coverage.hit('clock.wallJump')
    node.clock.jumpWall((this.#random.next() * 2 - 1) * this.#host.options.clock.wallJumpMs)
  }

  /** The whole machine sleeps: its monotonic clock stands still, and the process notices nothing but the wall clock. */
  #suspend(): void {
    const node = this.#pick(this.#host.nodes)
    if (!node.isUp || node.isPaused) return
    this.#host.coverage.hit('clock.suspend')
    node.pause()
    const { incarnation } = node
    const forMs = this.#host.options.clock.suspendForMs * (0.2 + 1.6 * this.#random.next())
    this.#host.scheduler.after(forMs, () => {
      // A node that was killed meanwhile and lives again would see its clock go back.
      if (node.incarnation !== incarnation || !node.isPaused) return
      node.clock.suspended(forMs)
      node.resume()
    })
  }

  #log(what: string): void {
    const { trace, scheduler } = this.#host
    trace.event(traceKind.fault, 0, what.length, undefined, () => `${stamp(scheduler.now)} nemesis ${what}`)
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random.integer(0, items.length)] as T
  }

  #shuffled<T>(items: readonly T[]): T[] {
    const shuffled = [...items]
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.#random.integer(0, i + 1)
      const [a, b] = [shuffled[i] as T, shuffled[j] as T]
      shuffled[i] = b
      shuffled[j] = a
    }
    return shuffled
  }
}

/** Who wants a change of epoch, as a daemon says it: from the level on at which all members understand it. */
function operatorAt(leader: SimNode, { number }: NextEpoch): Attribution | undefined {
  if ((leader.replica?.epoch.featureLevel ?? 0) < auditLevel) return undefined
  const origin = { actor: 'operator', node: `n${leader.id}`, address: '' }
  return { origin, timeMs: leader.clock.wallNow(), detail: `epoch ${number}` }
}
