/** Faults between members, one shape at a time, healed before the next, all from one seed. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/base/random.ts'
import type { PeerProxy } from '../cluster/proxy.ts'
import type { FaultLog } from './fault-log.ts'

export interface NetworkFaultOptions {
  readonly faultMsMax: number
  readonly quietMsMax: number
}

/** In one hundredth of a second. */
const trickleBytesMax = 2000
const lossMax = 0.4

type Pair = readonly [from: string, to: string]

export class NetworkFaults {
  readonly #proxy: PeerProxy
  readonly #names: readonly string[]
  readonly #random: Random
  readonly #log: FaultLog
  readonly #options: NetworkFaultOptions

  constructor(proxy: PeerProxy, names: readonly string[], random: Random, log: FaultLog, options: NetworkFaultOptions) {
    this.#proxy = proxy
    this.#names = names
    this.#random = random
    this.#log = log
    this.#options = options
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await pause(this.#random.next() * this.#options.quietMsMax)
      if (isOver()) break
      await this.#fault(this.#random.next() * this.#options.faultMsMax)
      this.#proxy.healAll()
    }
    this.#proxy.healAll()
  }

  async #fault(ms: number): Promise<void> {
    const name = this.#name()
    const others = this.#names.filter((other) => other !== name)
    const out = others.map((other): Pair => [name, other])
    const back = others.map((other): Pair => [other, name])
    const other = others[this.#random.integer(0, others.length)] ?? name
    const details = { ms: Math.round(ms) }
    switch (this.#random.integer(0, 11)) {
      case 0:
        return await this.#cut('isolate', name, [...out, ...back], ms)
      case 1:
        return await this.#cut('mute', name, out, ms)
      case 2:
        return await this.#cut('deafen', name, back, ms)
      case 3:
        // With three members the third is a bridge between the two.
        return await this.#cut(
          'cut-pair',
          `${name} ${other}`,
          [
            [name, other],
            [other, name],
          ],
          ms,
        )
      case 4: {
        const delayMs = this.#random.integer(1, 200)
        this.#log.note('delay', name, { ...details, delayMs })
        for (const [from, to] of [...out, ...back]) this.#proxy.delay(from, to, delayMs)
        return await pause(ms)
      }
      case 5:
        return await this.#drops('ends', ms, (from, to) => this.#proxy.drop(from, to))
      case 6:
        return await this.#drops('resets', ms, (from, to) => this.#proxy.reset(from, to))
      case 7:
        return await this.#drops('torn', ms, (from, to) => this.#proxy.tear(from, to))
      case 8: {
        const bytes = Math.round(Math.exp(this.#random.next() * Math.log(trickleBytesMax)))
        this.#log.note('trickle', name, { ...details, bytes })
        for (const [from, to] of [...out, ...back]) this.#proxy.trickle(from, to, bytes)
        return await pause(ms)
      }
      case 9: {
        const share = this.#random.next() * lossMax
        this.#log.note('loss', name, { ...details, share })
        for (const [from, to] of [...out, ...back]) this.#proxy.lose(from, to, share)
        return await pause(ms)
      }
      default:
        this.#log.note('half-open', `${name}>${other}`, details)
        this.#proxy.halfOpen(name, other)
        return await pause(ms)
    }
  }

  async #cut(fault: string, target: string, pairs: readonly Pair[], ms: number): Promise<void> {
    this.#log.note(fault, target, { ms: Math.round(ms) })
    for (const [from, to] of pairs) this.#proxy.cut(from, to)
    await pause(ms)
  }

  /** Connections are ended, one each tenth of a second. */
  async #drops(fault: string, ms: number, end: (from: string, to: string) => void): Promise<void> {
    this.#log.note(fault, 'all', { ms: Math.round(ms) })
    const deadline = performance.now() + ms
    do {
      end(this.#name(), this.#name())
      await pause(100)
    } while (performance.now() < deadline)
  }

  #name(): string {
    return this.#names[this.#random.integer(0, this.#names.length)] ?? ''
  }
}
