import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { firstEpoch, firstGroup, type NodeId, toIncarnation, toNodeId } from '../../src/protocol/ids.ts'
import type { PeerMessage } from '../../src/runtime/peer-message.ts'
import type { Links } from '../../src/runtime/ports.ts'

export interface Received {
  readonly from: NodeId
  readonly group: string
  readonly epoch: number
  readonly message: PeerMessage
}

/** Nodes 1 to 3, linked to one another, as an implementation of Links offers them to this suite. */
export interface LinkedNodes {
  /** Bound of what waits for one peer. */
  readonly queueBytesMax: number
  links(id: NodeId): Links
  /** What arrived at a node since it was last started, in order. */
  received(id: NodeId): readonly Received[]
  connected(from: NodeId, to: NodeId): boolean
  dropped(from: NodeId, to: NodeId): number
  /** Times that something was handed to the transport. */
  writes(from: NodeId, to: NodeId): number
  stop(id: NodeId): Promise<void>
  start(id: NodeId): Promise<void>
  close(): Promise<void>
}

export type LinkedNodesFactory = () => Promise<LinkedNodes>

const n1 = toNodeId(1)
const n2 = toNodeId(2)
const n3 = toNodeId(3)

/** Waits for a condition, not for a time; the time only says when to give up. */
export async function until(condition: () => boolean, what: string, timeoutMs = 20_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!condition()) {
    assert.ok(performance.now() < deadline, `timed out waiting until ${what}`)
    await turn()
  }
}

/** What every implementation of Links must do. Losing messages is allowed; everything else is not. */
export function linksConformance(name: string, make: LinkedNodesFactory): void {
  for (const [title, check] of Object.entries(checks)) {
    test(`${name}: ${title}`, async () => {
      const nodes = await make()
      try {
        for (const [from, to] of pairs()) await until(() => nodes.connected(from, to), `${from} reaches ${to}`)
        await check(nodes)
      } finally {
        await nodes.close()
      }
    })
  }
}

const checks: Readonly<Record<string, (nodes: LinkedNodes) => Promise<void>>> = {
  'messages arrive once, in order, and say who sent them': async (nodes) => {
    const count = 5000
    for (let i = 0; i < count; i++) {
      send(nodes, n1, [n2], survey(i))
      send(nodes, n3, [n2], survey(i))
      if (i % 100 === 0) await turn()
    }
    await until(() => nodes.received(n2).length >= 2 * count, 'everything has arrived')
    const wanted = Array.from({ length: count }, (_, i) => i)
    assert.deepEqual(roundsFrom(nodes, n2, n1), wanted)
    assert.deepEqual(roundsFrom(nodes, n2, n3), wanted)
  },

  'a message to several reaches each of them': async (nodes) => {
    send(nodes, n1, [n2, n3], survey(7))
    await until(() => nodes.received(n2).length > 0 && nodes.received(n3).length > 0, 'both have it')
    const wanted = [{ from: n1, group: firstGroup, epoch: firstEpoch, message: survey(7) }]
    assert.deepEqual(nodes.received(n2), wanted)
    assert.deepEqual(nodes.received(n3), wanted)
  },

  'what is sent in one turn leaves in one write': async (nodes) => {
    const before = nodes.writes(n1, n2)
    for (let i = 0; i < 100; i++) send(nodes, n1, [n2], survey(i))
    await until(() => nodes.received(n2).length >= 100, 'everything has arrived')
    // A keepalive of the transport itself may have come in between.
    assert.ok(nodes.writes(n1, n2) - before <= 2, `${nodes.writes(n1, n2) - before} writes`)
  },

  'a message of 4 MiB arrives whole, between small ones': async (nodes) => {
    const payload = new Uint8Array(4 * 1024 * 1024).map((_, i) => i * 13)
    send(nodes, n1, [n2], survey(1))
    send(nodes, n1, [n2], forward(payload))
    send(nodes, n1, [n2], survey(2))
    await until(() => nodes.received(n2).length >= 3, 'all three have arrived')
    assert.deepEqual(
      nodes.received(n2).map(({ message }) => message),
      [survey(1), forward(payload), survey(2)],
    )
  },

  'a full queue drops what does not fit, counts it, and goes on in order': async (nodes) => {
    const size = 256 * 1024
    const count = Math.ceil((nodes.queueBytesMax * 3) / size)
    const before = nodes.dropped(n1, n2)
    for (let i = 0; i < count; i++) send(nodes, n1, [n2], forward(new Uint8Array(size), i))
    const dropped = nodes.dropped(n1, n2) - before
    assert.ok(dropped > 0 && dropped < count, `${dropped} of ${count} dropped`)
    // The other peer's queue is its own.
    send(nodes, n1, [n3], survey(1))
    await until(() => nodes.received(n3).length > 0, 'the other peer has its message')
    await until(() => nodes.received(n2).length >= count - dropped, 'what was queued has arrived')
    send(nodes, n1, [n2], forward(new Uint8Array(1), count))
    await until(() => nodes.received(n2).length > count - dropped, 'the link works again')
    const ids = nodes
      .received(n2)
      .map(({ message }) => (message.kind === 'forward' ? message.requests[0]?.id : undefined))
    assert.deepEqual(ids, [...Array.from({ length: count - dropped }, (_, i) => i), count])
  },

  'a peer that is away costs nothing but its own messages': async (nodes) => {
    await nodes.stop(n2)
    await until(() => !nodes.connected(n1, n2), 'the loss is noticed')
    const before = nodes.dropped(n1, n2)
    for (let i = 0; i < 10; i++) send(nodes, n1, [n2, n3], survey(i))
    await until(() => nodes.received(n3).length >= 10, 'the other peer has everything')
    assert.equal(nodes.dropped(n1, n2) - before, 10)
  },

  'a peer that comes back is linked again, both ways': async (nodes) => {
    await nodes.stop(n2)
    await until(() => !nodes.connected(n1, n2), 'the loss is noticed')
    send(nodes, n1, [n2], survey(1))
    await nodes.start(n2)
    await until(() => nodes.connected(n1, n2) && nodes.connected(n2, n1), 'both are linked')
    send(nodes, n1, [n2], survey(2))
    send(nodes, n2, [n1], survey(3))
    await until(() => nodes.received(n2).length > 0 && nodes.received(n1).length > 0, 'both have it')
    assert.deepEqual(roundsFrom(nodes, n2, n1), [2])
    assert.deepEqual(roundsFrom(nodes, n1, n2), [3])
  },
}

function survey(round: number): PeerMessage {
  return { kind: 'survey', round }
}

function forward(request: Uint8Array, id = 1): PeerMessage {
  return { kind: 'forward', incarnation: toIncarnation(1), requests: [{ id, request }] }
}

function send(nodes: LinkedNodes, from: NodeId, to: readonly NodeId[], message: PeerMessage): void {
  nodes.links(from).send(firstGroup, firstEpoch, to, message)
}

function roundsFrom(nodes: LinkedNodes, at: NodeId, from: NodeId): readonly number[] {
  const rounds: number[] = []
  for (const received of nodes.received(at)) {
    if (received.from === from && received.message.kind === 'survey') rounds.push(received.message.round)
  }
  return rounds
}

function pairs(): readonly (readonly [NodeId, NodeId])[] {
  const ids = [n1, n2, n3]
  return ids.flatMap((from) => ids.filter((to) => to !== from).map((to) => [from, to] as const))
}
