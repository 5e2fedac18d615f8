/** Real traffic to start from: what nodes of the simulator say to each other, and what the real encoders make. */
import fc from 'fast-check'
import { encodeBatch, encodeRequest } from '../../src/machine/command-codec.ts'
import { encodeAnswer, encodeQuery, encodeReply } from '../../src/machine/reply-codec.ts'
import { toIncarnation, toNodeId } from '../../src/protocol/ids.ts'
import type { PeerMessage } from '../../src/runtime/peer-message.ts'
import { runSeed } from '../../src/sim/campaign.ts'
import { Network } from '../../src/sim/network.ts'
import { expandSeed } from '../../src/sim/options.ts'
import {
  encodeAnswers,
  encodeLeaderNotice,
  encodeRequests,
  encodeStreamError,
  encodeHello as encodeStreamHello,
  type StreamAnswer,
  type StreamRequest,
} from '../../src/wire/client-codec.ts'
import { frameHeaderBytes } from '../../src/wire/frame.ts'
import { encodeHello, encodeWelcome, peerVersions } from '../../src/wire/hello.ts'
import { encodePeer } from '../../src/wire/peer-codec.ts'
import { answer, query, reply, request } from '../machine/arbitraries.ts'

export interface Traffic {
  readonly peer: readonly Uint8Array[]
  readonly greetings: readonly Uint8Array[]
  readonly requests: readonly Uint8Array[]
  readonly batches: readonly Uint8Array[]
  readonly replies: readonly Uint8Array[]
  readonly queries: readonly Uint8Array[]
  readonly answers: readonly Uint8Array[]
  /** Payloads of the client stream by the kind of their frame. */
  readonly stream: Readonly<Record<StreamKind, readonly Uint8Array[]>>
}

export type StreamKind = 'requests' | 'answers' | 'hello' | 'leader' | 'error'

const perKindMax = 40
const machineSamples = 200

export function recordTraffic(seed: number): Traffic {
  const sample = <T>(arbitrary: fc.Arbitrary<T>): T[] => fc.sample(arbitrary, { seed, numRuns: machineSamples })
  const requests = sample(request).map(encodeRequest)
  const queries = sample(query).map(encodeQuery)
  const replies = sample(reply).map(encodeReply)
  const answers = sample(answer).map(encodeAnswer)
  const batches = Array.from({ length: 40 }, (_, n) => encodeBatch(1000 + n, requests.slice(n, n + (n % 5))))
  return {
    peer: [...recordPeers(), ...onDemand()],
    greetings: greetings(),
    requests,
    batches,
    replies,
    queries,
    answers,
    stream: streamPayloads(requests, queries, replies, answers),
  }
}

/** Listens in on simulated clusters, whose runtime and codecs are the real ones, until each kind was heard. */
function recordPeers(): Uint8Array[] {
  const heard = new Map<string, Uint8Array[]>()
  const send = Network.prototype.send
  Network.prototype.send = function (this: Network, from, group, epoch, to, message): void {
    const known = heard.get(message.kind) ?? []
    if (known.length < perKindMax) heard.set(message.kind, [...known, copy(encodePeer(group, epoch, message))])
    send.call(this, from, group, epoch, to, message)
  }
  try {
    for (let seed = 1; seed <= 12; seed++) runSeed(expandSeed(seed, 5000), () => undefined)
  } finally {
    Network.prototype.send = send
  }
  return [...heard.values()].flat()
}

/** What nodes say to each other only when an operator asks. */
function onDemand(): Uint8Array[] {
  const part = { keys: 3, hash: '\x07'.repeat(16) }
  const messages: readonly PeerMessage[] = [
    { kind: 'content', id: 1, revision: 9, bounds: ['', 'a', 'b\0'], end: undefined },
    { kind: 'content', id: 2, revision: 2 ** 40, bounds: ['a'], end: 'b' },
    { kind: 'contentReply', id: 1, state: 'hashed', parts: [part, part, part] },
    { kind: 'contentReply', id: 2, state: 'compacted', parts: [] },
  ]
  return messages.map((message) => copy(encodePeer('0', 1, message)))
}

function greetings(): Uint8Array[] {
  const identity = {
    clusterId: '0123456789abcdef0123456789abcdef',
    nodeId: toNodeId(2),
    name: 'n2',
    incarnation: toIncarnation(7),
    incarnationId: 'b1',
    earlierIncarnations: [{ incarnation: toIncarnation(6), incarnationId: 'b0' }],
    diskId: 'd1',
    clientAddress: '127.0.0.1:7602',
    version: '0.1.0',
    featureLevels: { min: 1, max: 1 },
    foundedLevel: 1,
  }
  return [
    copy(encodeHello({ ...identity, versionMin: peerVersions.min, versionMax: peerVersions.max })),
    copy(encodeWelcome({ ...identity, kind: 'accepted', protocolVersion: 1 })),
    copy(encodeWelcome({ kind: 'refused', code: 'WRONG_CLUSTER', message: 'another cluster' })),
  ]
}

function streamPayloads(
  requests: readonly Uint8Array[],
  queries: readonly Uint8Array[],
  replies: readonly Uint8Array[],
  answers: readonly Uint8Array[],
): Traffic['stream'] {
  const asked: StreamRequest[] = [
    ...requests.slice(0, 60).map((each, id) => ({ kind: 'submit' as const, id, timeoutMs: 1000, request: each })),
    ...queries
      .slice(0, 60)
      .map((each, id) => ({ kind: 'read' as const, id, timeoutMs: 10, consistency: 'stale' as const, query: each })),
    { kind: 'ping', id: 9 },
  ]
  const told: StreamAnswer[] = [
    ...replies.slice(0, 60).map((each, id) => ({ kind: 'replied' as const, id, reply: each })),
    ...answers.slice(0, 60).map((each, id) => ({ kind: 'answered' as const, id, answer: each })),
    { kind: 'failed', id: 3, code: 'NO_LEADER', message: 'no leader' },
    { kind: 'pong', id: 9 },
  ]
  const leader = { name: 'n1', clientAddress: '127.0.0.1:7601' }
  const limits = { requestsPerFrameMax: 1024, outstandingMax: 4096, frameBytesMax: 1 << 22 }
  const payload = (frame: Uint8Array): Uint8Array => copy(frame.subarray(frameHeaderBytes))
  return {
    requests: [...asked.map((each) => encodeRequests([each])), encodeRequests(asked.slice(0, 5))].map(payload),
    answers: [...told.map((each) => encodeAnswers([each])), encodeAnswers(told.slice(0, 5))].map(payload),
    hello: [payload(encodeStreamHello({ node: 'n1', clusterId: 'c1', leader, limits }))],
    leader: [payload(encodeLeaderNotice(leader))],
    error: [payload(encodeStreamError('STOPPING', 'stopping'))],
  }
}

/** Encoded bytes may be a view on a buffer that is used again. */
function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
