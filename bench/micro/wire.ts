import type { Ballot } from '../../src/protocol/ballot.ts'
import { firstEpoch, firstGroup, toIncarnation, toNodeId, toSlot } from '../../src/protocol/ids.ts'
import type { PeerMessage } from '../../src/runtime/peer-message.ts'
import { decodeAnswers, decodeRequests, encodeAnswers, encodeRequests } from '../../src/wire/client-codec.ts'
import { encodeFrame, FrameDecoder } from '../../src/wire/frame.ts'
import { peerFrame } from '../../src/wire/hello.ts'
import { decodePeer, encodePeer } from '../../src/wire/peer-codec.ts'
import { prescan } from '../../src/wire/prescan.ts'
import type { MicroBenchmark } from './micro-benchmark.ts'

const ballot: Ballot = { epoch: firstEpoch, round: 12, node: toNodeId(2), incarnation: toIncarnation(5), sub: 0 }
const at = 5_000_000

const messages: readonly (readonly [name: string, message: PeerMessage])[] = [
  ['accept of 64 KiB', accept(1, 65_536)],
  ['accept of 16 times 4 KiB', accept(16, 4096)],
  ['accept of 256 B', accept(1, 256)],
  ['accepted, one range', { kind: 'accepted', ballot, ranges: [{ from: toSlot(at), to: toSlot(at + 9) }] }],
  ['heartbeat', { kind: 'heartbeat', ballot, seq: 99_999, decided: { from: toSlot(at), upTo: toSlot(at + 9) } }],
]

/** Messages between members, and requests of clients, into frames and out of them. */
export function wireBenchmarks(): readonly MicroBenchmark[] {
  const peers = messages.flatMap(([name, message]): MicroBenchmark[] => {
    const frame = encode(message)
    return [
      { name: `encode ${name}`, unit: 'messages', run: () => Number(encode(message).length > 0) },
      { name: `decode ${name}`, unit: 'messages', run: () => decode(frame) },
    ]
  })
  const payload = encodePeer(firstGroup, firstEpoch, accept(16, 4096))
  const scan: MicroBenchmark = {
    name: 'pre-scan accept of 16 times 4 KiB',
    unit: 'messages',
    run: () => {
      prescan(payload)
      return 1
    },
  }
  return [...peers, scan, ...clientBenchmarks()]
}

function clientBenchmarks(): readonly MicroBenchmark[] {
  const each = Array.from({ length: 100 }, (_, index) => index)
  const bytes = new Uint8Array(300)
  const requests = each.map((id) => ({ kind: 'submit', id, timeoutMs: 10_000, request: bytes }) as const)
  const answers = each.map((id) => ({ kind: 'replied', id, reply: bytes.subarray(0, 26) }) as const)
  const requestPayload = payloadOf(encodeRequests(requests))
  const answerPayload = payloadOf(encodeAnswers(answers))
  const unit = 'requests'
  return [
    { name: 'encode 100 client requests', unit, run: () => Math.min(100, encodeRequests(requests).length) },
    { name: 'decode 100 client requests', unit, run: () => decodeRequests(requestPayload, 1000).length },
    { name: 'encode 100 answers', unit, run: () => Math.min(100, encodeAnswers(answers).length) },
    { name: 'decode 100 answers', unit, run: () => decodeAnswers(answerPayload).length },
  ]
}

function accept(entries: number, bytes: number): PeerMessage {
  return {
    kind: 'accept',
    ballot,
    decided: { from: toSlot(at - 10), upTo: toSlot(at) },
    entries: Array.from({ length: entries }, (_, i) => ({
      slot: toSlot(at + i),
      entry: { kind: 'batch', payload: new Uint8Array(bytes).map((__, j) => j * 7) },
    })),
  }
}

function encode(message: PeerMessage): Uint8Array {
  return encodeFrame(peerFrame.message, encodePeer(firstGroup, firstEpoch, message))
}

function decode(frame: Uint8Array): number {
  let decoded = 0
  new FrameDecoder({ payloadBytesMax: 1 << 20 }).push(frame, (_, payload) => {
    decodePeer(payload)
    decoded++
  })
  return decoded
}

function payloadOf(frame: Uint8Array): Uint8Array {
  let found = new Uint8Array(0)
  new FrameDecoder({ payloadBytesMax: 1 << 20 }).push(frame, (_, payload) => {
    found = payload.slice()
  })
  return found
}
