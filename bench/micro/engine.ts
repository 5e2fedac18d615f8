import { assert } from '../../src/base/assert.ts'
import { Random } from '../../src/base/random.ts'
import type { Effect, Send } from '../../src/protocol/effect.ts'
import type { Entry } from '../../src/protocol/entry.ts'
import type { Epoch } from '../../src/protocol/epoch.ts'
import type { Event } from '../../src/protocol/event.ts'
import { firstEpoch, firstSlot, type NodeId, type Slot, toIncarnation, toNodeId } from '../../src/protocol/ids.ts'
import { MultiPaxos } from '../../src/protocol/multipaxos/multipaxos.ts'
import { defaultMultiPaxosOptions } from '../../src/protocol/multipaxos/options.ts'
import type { MicroBenchmark } from './micro-benchmark.ts'

const noBatch: Entry = { kind: 'barrier', payload: new Uint8Array(0) }
const tickMs = 20

/** Three engines with a network and disks that take no time. */
class Engines {
  /** Chosen, in order, on every member. */
  learned = 0
  readonly #engines = new Map<NodeId, MultiPaxos>()
  readonly #queue: { readonly to: NodeId; readonly event: Event }[] = []
  #now = 1000
  #proposal = 0
  #steady = false

  constructor() {
    const ids = [1, 2, 3].map(toNodeId)
    const epoch: Epoch = {
      number: firstEpoch,
      protocol: 'multi',
      members: ids.map((id) => ({ id, name: `n${id}`, peerAddress: `127.0.0.1:${7700 + id}`, kind: 'acceptor' })),
      q1: 2,
      q2: 2,
      leaseMs: 0,
      startSlot: firstSlot,
      featureLevel: 1,
      highestId: toNodeId(ids.length),
    }
    const state = { promised: undefined, chosenUpTo: firstSlot, truncatedUpTo: firstSlot, votes: [], unknown: [] }
    for (const self of ids) {
      const random = new Random(self)
      const shared = {
        epoch,
        state,
        appliedUpTo: firstSlot,
        options: defaultMultiPaxosOptions,
        now: this.#now,
        isNew: false,
      }
      this.#engines.set(self, new MultiPaxos({ self, incarnation: toIncarnation(1), random, ...shared }))
    }
    for (let round = 0; round < 1000 && !this.#steady; round++) this.tick()
    assert(this.#steady, 'no leader')
  }

  tick(): void {
    this.#now += tickMs
    for (const id of this.#engines.keys()) this.#step(id, { kind: 'tick' })
    this.#settle()
    for (const engine of this.#engines.values()) this.#steady ||= engine.status().steady
  }

  propose(entry: Entry): void {
    for (const [id, engine] of this.#engines) {
      if (!engine.status().steady) continue
      this.#proposal++
      this.#step(id, { kind: 'propose', proposal: this.#proposal, entry })
    }
    this.#settle()
  }

  #step(id: NodeId, event: Event): void {
    const engine = this.#engines.get(id)
    assert(engine !== undefined, `no engine ${id}`)
    for (const effect of engine.step(this.#now, event)) this.#perform(id, effect)
    for (const effect of engine.step(this.#now, { kind: 'flush' })) this.#perform(id, effect)
  }

  #perform(id: NodeId, effect: Effect): void {
    if (effect.kind === 'send') this.#send(id, effect)
    else if (effect.kind === 'persist') for (const send of effect.release) this.#send(id, send)
    else if (effect.kind === 'elected') {
      this.#proposal++
      this.#queue.push({ to: id, event: { kind: 'propose', proposal: this.#proposal, entry: noBatch } })
    } else if (effect.kind === 'learn') {
      this.learned++
      const upTo = (effect.slot + 1) as Slot
      this.#queue.push({ to: id, event: { kind: 'applied', upTo, durableUpTo: upTo } })
    }
  }

  #send(from: NodeId, { to, message }: Send): void {
    for (const node of to) this.#queue.push({ to: node, event: { kind: 'message', from, message } })
  }

  #settle(): void {
    for (let at = 0; at < this.#queue.length; at++) {
      const next = this.#queue[at]
      if (next !== undefined) this.#step(next.to, next.event)
    }
    this.#queue.length = 0
  }
}

/** A slot from its proposal to three members that know it chosen: every message and write of it, in memory. */
export function engineBenchmark(): MicroBenchmark {
  const engines = new Engines()
  const entry: Entry = { kind: 'batch', payload: new Uint8Array(30_000) }
  let turn = 0
  return {
    name: 'engine: a slot through three members',
    unit: 'slots',
    run: () => {
      const before = engines.learned
      engines.propose(entry)
      // What is known chosen travels with the next accept or heartbeat, and the log is cut at ticks.
      if (++turn % 50 === 0) engines.tick()
      return (engines.learned - before) / 3
    },
  }
}
