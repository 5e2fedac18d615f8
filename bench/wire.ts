// How fast messages between members become frames and frames messages, on one core. Run: node bench/wire.ts
import type { Ballot } from '../src/protocol/ballot.ts'
import { firstEpoch, firstGroup, toIncarnation, toNodeId, toSlot } from '../src/protocol/ids.ts'
import type { PeerMessage } from '../src/runtime/peer-message.ts'
import { encodeFrame, FrameDecoder } from '../src/wire/frame.ts'
import { peerFrame } from '../src/wire/hello.ts'
import { decodePeer, encodePeer } from '../src/wire/peer-codec.ts'

const runMs = 1000
const ballot: Ballot = { epoch: firstEpoch, round: 12, node: toNodeId(2), incarnation: toIncarnation(5), sub: 0 }
const at = 5_000_000

const cases: readonly (readonly [name: string, message: PeerMessage])[] = [
  ['accept, one batch of 64 KiB', accept(1, 65_536)],
  ['accept, 16 batches of 4 KiB', accept(16, 4096)],
  ['accept, one batch of 256 B', accept(1, 256)],
  ['accepted, one range', { kind: 'accepted', ballot, ranges: [{ from: toSlot(at), to: toSlot(at + 9) }] }],
  ['heartbeat', { kind: 'heartbeat', ballot, seq: 99_999, decided: { from: toSlot(at), upTo: toSlot(at + 9) } }],
]

console.log(`${'message'.padEnd(32)}${row('bytes', 'encode/s', 'decode/s', 'both/s', 'both MB/s')}`)
for (const [name, message] of cases) {
  const frame = encode(message)
  const encodes = rate(() => encode(message))
  const decodes = rate(() => decode(frame))
  const both = rate(() => decode(encode(message)))
  const megabytes = ((both * frame.length) / 1e6).toFixed(0)
  console.log(
    `${name.padEnd(32)}${row(frame.length, thousands(encodes), thousands(decodes), thousands(both), megabytes)}`,
  )
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

function decode(frame: Uint8Array): void {
  new FrameDecoder({ payloadBytesMax: 1 << 20 }).push(frame, (_, payload) => decodePeer(payload))
}

function rate(run: () => void): number {
  const warmUntil = performance.now() + runMs / 4
  while (performance.now() < warmUntil) run()
  const began = performance.now()
  let runs = 0
  do {
    for (let i = 0; i < 50; i++) run()
    runs += 50
  } while (performance.now() - began < runMs)
  return (runs * 1000) / (performance.now() - began)
}

function thousands(perSecond: number): string {
  return `${(perSecond / 1000).toFixed(1)}k`
}

function row(...cells: readonly (string | number)[]): string {
  return cells.map((cell) => String(cell).padStart(12)).join('')
}
