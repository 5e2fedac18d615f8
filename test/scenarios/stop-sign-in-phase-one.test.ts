/**
 * A candidate that learns that the epoch is over before its phase 1 is complete. If it led, it would propose above the stop
 * sign; a later phase 1 that does not hear that the stop sign is chosen would find it void, and choose something else.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../src/base/random.ts'
import type { Effect } from '../../src/protocol/effect.ts'
import type { Epoch } from '../../src/protocol/epoch.ts'
import { encodeStopSign } from '../../src/protocol/epoch-codec.ts'
import type { Event } from '../../src/protocol/event.ts'
import {
  firstEpoch,
  firstSlot,
  type NodeId,
  toEpochNumber,
  toIncarnation,
  toNodeId,
  toSlot,
} from '../../src/protocol/ids.ts'
import type { Message } from '../../src/protocol/multipaxos/message.ts'
import { MultiPaxos } from '../../src/protocol/multipaxos/multipaxos.ts'
import { defaultMultiPaxosOptions } from '../../src/protocol/multipaxos/options.ts'

interface Packet {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: Message
}

const ids = [1, 2, 3, 4, 5].map(toNodeId)
const [n1, n2, n3, n4, n5] = ids as [NodeId, NodeId, NodeId, NodeId, NodeId]

const epoch: Epoch = {
  number: firstEpoch,
  protocol: 'multi',
  members: ids.map((id) => ({ id, name: `n${id}`, peerAddress: `h${id}:1`, kind: 'acceptor' })),
  ...{ q1: 3, q2: 3, leaseMs: 0, startSlot: firstSlot, featureLevel: 1, highestId: n5 },
}
const stopSign = { kind: 'stopSign', payload: encodeStopSign({ ...epoch, number: toEpochNumber(2) }) } as const
const state = { promised: undefined, chosenUpTo: firstSlot, truncatedUpTo: firstSlot, votes: [], unknown: [] }

/** Five engines, and messages that arrive when and in the order that is said. */
class Schedule {
  readonly #engines = new Map<NodeId, MultiPaxos>(
    ids.map((self) => [
      self,
      new MultiPaxos({
        ...{ self, incarnation: toIncarnation(1), epoch, state, appliedUpTo: firstSlot, random: new Random(self) },
        ...{ options: defaultMultiPaxosOptions, now: 0, isNew: true },
      }),
    ]),
  )
  readonly learned = new Map<NodeId, string[]>(ids.map((id) => [id, []]))
  #packets: Packet[] = []
  #now = 1

  turn(node: NodeId, events: readonly Event[]): void {
    const engine = this.#engines.get(node)
    assert(engine !== undefined)
    for (const event of events) {
      const effects = engine.step(this.#now, event)
      for (const effect of effects) this.#take(node, effect)
      // As the runtime does, in the same turn.
      if (!effects.some(({ kind }) => kind === 'elected')) continue
      const entry = { kind: 'barrier', payload: new Uint8Array(8) } as const
      for (const effect of engine.step(this.#now, { kind: 'propose', proposal: 1, entry })) this.#take(node, effect)
    }
    for (const effect of engine.step(this.#now, { kind: 'flush' })) this.#take(node, effect)
    this.#now++
  }

  /** What is under way and matches arrives, everything for a node in one turn, in the order of `kinds`. */
  deliver(from: readonly NodeId[], to: readonly NodeId[], ...kinds: readonly Message['kind'][]): void {
    const isWanted = (packet: Packet): boolean =>
      from.includes(packet.from) &&
      to.includes(packet.to) &&
      (kinds.length === 0 || kinds.includes(packet.message.kind))
    const wanted = this.#packets.filter(isWanted)
    this.#packets = this.#packets.filter((packet) => !isWanted(packet))
    const order = ({ message }: Packet): number => kinds.indexOf(message.kind)
    for (const node of to) {
      const own = wanted.filter((packet) => packet.to === node).sort((a, b) => order(a) - order(b))
      const events = own.map(({ from: sender, message }): Event => ({ kind: 'message', from: sender, message }))
      if (events.length > 0) this.turn(node, events)
    }
  }

  underWay(kind: Message['kind'], from: NodeId): readonly Packet[] {
    return this.#packets.filter(({ message, from: sender }) => message.kind === kind && sender === from)
  }

  lose(): void {
    this.#packets = []
  }

  #take(from: NodeId, effect: Effect): void {
    const sent = effect.kind === 'send' ? [effect] : effect.kind === 'persist' ? effect.release : []
    for (const { to, message } of sent) for (const node of to) this.#packets.push({ from, to: node, message })
    if (effect.kind === 'learn') this.learned.get(from)?.push(`${effect.slot}:${effect.entry.kind}`)
  }
}

test('a candidate that learns the stop sign before it is elected does not lead, and the stop sign stays chosen', () => {
  const at = new Schedule()
  at.turn(n1, [{ kind: 'campaign' }])
  at.deliver([n1], [n1, n2, n4], 'prepare')
  at.deliver([n1, n2, n4], [n1], 'promise')
  at.deliver([n1], [n1, n2, n4], 'accept')
  at.deliver([n1, n2, n4], [n1], 'accepted')
  at.turn(n1, [{ kind: 'propose', proposal: 2, entry: stopSign }])
  at.deliver([n1], [n2, n4], 'accept')
  at.deliver([n1, n2, n4], [n1], 'accepted')
  assert.deepEqual(at.learned.get(n1), ['0:barrier', '1:stopSign'])
  at.lose()

  // n3 knows nothing of it. What n1 says it hears in one turn: first what is chosen, then the promise.
  at.turn(n3, [{ kind: 'campaign' }])
  at.deliver([n3], [n3, n5, n1], 'prepare')
  at.deliver([n3, n5], [n3], 'promise')
  at.turn(n1, [{ kind: 'message', from: n3, message: { kind: 'catchup', range: { from: firstSlot, to: toSlot(2) } } }])
  at.deliver([n1], [n3], 'catchupReply', 'promise')
  assert.deepEqual(at.learned.get(n3), ['0:barrier', '1:stopSign'])
  const above = at.underWay('accept', n3)
  at.deliver([n3], [n2, n4, n5], 'accept')
  at.lose()

  // n1 and n3 are away, as members of the next epoch may be: who is left must find what they know.
  at.turn(n2, [{ kind: 'campaign' }])
  for (let round = 0; round < 8; round++) at.deliver([n2, n4, n5], [n2, n4, n5])
  for (const node of [n2, n4]) assert.deepEqual(at.learned.get(node), ['0:barrier', '1:stopSign'], `n${node}`)
  assert.deepEqual(above, [])
})
