import type { Random } from '../base/random.ts'
import type { AmbushKind } from './fault-points.ts'
import type { NemesisHost } from './nemesis.ts'
import type { Link } from './network.ts'
import type { SimNode } from './node.ts'

/**
 * Faults aimed at whoever leads. What a leader may still believe after it was replaced matters for some hundred
 * milliseconds only, and faults at random moments seldom meet them.
 */
export class Ambush {
  readonly #host: NemesisHost
  readonly #random: Random
  readonly #after: (delayMs: number, task: () => void) => void

  /** `after`: runs the task later, unless faults are over by then. */
  constructor(host: NemesisHost, random: Random, after: (delayMs: number, task: () => void) => void) {
    this.#host = host
    this.#random = random
    this.#after = after
  }

  /** Strikes a leader of now, or `target`. */
  strike(target = this.#leader()): void {
    const { ambushes } = this.#host.options.process
    const kind = ambushes[this.#random.integer(0, ambushes.length)]
    if (kind === undefined || !target.isUp) return
    this.#host.coverage.hit(`ambush.${kind}`)
    this.#host.log(`ambushes n${target.id}: ${kind}`)
    this.#perform(kind, target)
  }

  #perform(kind: AmbushKind, target: SimNode): void {
    switch (kind) {
      case 'cutOff':
        this.#cutOff(target, 0, this.#roundsMs(4))
        return
      case 'sleep':
        this.#sleep(target)
        return
      case 'cutOffAndRestart':
        this.#cutOff(target, 0, this.#roundsMs(4))
        for (const node of this.#host.nodes) {
          if (node === target || this.#random.chance(0.2)) continue
          this.#after(50 * this.#random.next(), () => this.#restart(node))
        }
        return
      case 'crash':
        // What it was about to be told in this incarnation it is told in the next one.
        if (this.#random.chance(0.5)) {
          const late = this.#linksTo(target).filter(() => this.#random.chance(0.6))
          this.#host.network.clog(late, this.#roundsMs(4))
        }
        this.#after(20 * this.#random.next(), () => this.#restart(target))
        return
      case 'crashLoop':
        this.#crashLoop(this.#random.chance(0.5) ? target : this.#anyNode(), this.#random.integer(2, 8))
        return
      case 'clog':
        this.#host.network.clog(this.#linksOf(target), this.#roundsMs(4))
    }
  }

  /** Others elect a leader while it sleeps, and when it wakes nobody can tell it. */
  #sleep(target: SimNode): void {
    const { incarnation } = target
    const forMs = this.#roundsMs(5)
    // The machine sleeps, with the clock that it counts leases on; or the process alone.
    const isMachine = this.#random.chance(0.5)
    target.pause()
    // A sleeping machine hears nothing; what is sent again reaches it when it is awake. A sleeping process finds it waiting.
    if (isMachine) this.#host.network.clog(this.#linksTo(target), forMs + 100 * this.#random.next())
    // What was on its way when it fell asleep may still arrive, or not.
    const cutAt = this.#random.chance(0.5) ? 0 : 100 * this.#random.next()
    this.#cutOff(target, cutAt, forMs + this.#roundsMs(2))
    this.#host.scheduler.after(forMs, () => {
      if (target.incarnation !== incarnation || !target.isPaused) return
      if (isMachine) target.clock.suspended(forMs)
      target.resume()
    })
  }

  #cutOff(target: SimNode, delayMs: number, untilMs: number): void {
    const links = this.#linksOf(target)
    const { network } = this.#host
    this.#after(delayMs, () => {
      network.cut(links)
      this.#after(Math.max(0, untilMs - delayMs), () => network.mend(links))
    })
  }

  #crashLoop(target: SimNode, times: number): void {
    this.#restart(target)
    if (times > 1) this.#after(100 + 500 * this.#random.next(), () => this.#crashLoop(target, times - 1))
  }

  #restart(target: SimNode): void {
    target.crash('in an ambush')
    this.#after(10 + 150 * this.#random.next() ** 2, () => {
      if (!target.mayStart) return
      this.#host.coverage.hit('process.restart')
      target.start()
    })
  }

  /** All links of a node, those in one direction, or some of them. */
  #linksOf(target: SimNode): Link[] {
    const back = this.#linksTo(target)
    const out = back.map(([other]): Link => [target.id, other])
    const draw = this.#random.next()
    if (draw < 0.5) return [...out, ...back]
    if (draw < 0.65) return out
    if (draw < 0.75) return back
    return [...out, ...back].filter(() => this.#random.chance(0.7))
  }

  #linksTo({ id }: SimNode): Link[] {
    const others = this.#host.nodes.map((node) => node.id).filter((other) => other !== id)
    return others.map((other): Link => [other, id])
  }

  /** Up to so many election rounds, which is the time in which leaders come and go. */
  #roundsMs(max: number): number {
    return max * this.#random.next() * this.#host.options.limits.electionTimeoutMs
  }

  #leader(): SimNode {
    const leaders = this.#host.nodes.filter((node) => node.engine?.status().role === 'leader')
    return leaders[this.#random.integer(0, leaders.length)] ?? this.#anyNode()
  }

  #anyNode(): SimNode {
    const { nodes } = this.#host
    return nodes[this.#random.integer(0, nodes.length)] as SimNode
  }
}
