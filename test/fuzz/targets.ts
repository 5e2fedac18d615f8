/** What is fuzzed: everything that reads bytes from outside, with the errors that it documents. */
import { BytesError, fromBinary, toBinary } from '../../src/base/bytes.ts'
import { type ErrorCode, PaxosError } from '../../src/base/error.ts'
import type { Random } from '../../src/base/random.ts'
import { parseJson } from '../../src/daemon/api/json-parse.ts'
import { percentDecode, QueryParameters } from '../../src/daemon/api/target.ts'
import { readTxn } from '../../src/daemon/api/txn-json.ts'
import {
  decodeBallot,
  decodeCount,
  decodeVote,
  encodeBallot,
  encodeCount,
  encodeVote,
} from '../../src/daemon/store/acceptor-codec.ts'
import { decodeRecord, recordHeaderBytes } from '../../src/daemon/store/record.ts'
import { decodeBarrier, decodeBatch, decodeRequest, encodeBarrier } from '../../src/machine/command-codec.ts'
import { decodeAnswer, decodeQuery, decodeReply } from '../../src/machine/reply-codec.ts'
import { attributionOf, decodeEpoch, encodeEpoch, encodeStopSign } from '../../src/protocol/epoch-codec.ts'
import { firstEpoch, firstSlot, toIncarnation, toNodeId } from '../../src/protocol/ids.ts'
import { decodeCbor, encodeCbor } from '../../src/wire/cbor.ts'
import {
  decodeAnswers,
  decodeLeaderNotice,
  decodeRequests,
  decodeStreamError,
  decodeHello as decodeStreamHello,
} from '../../src/wire/client-codec.ts'
import { encodeFrame, FrameDecoder } from '../../src/wire/frame.ts'
import { decodeHello, decodeWelcome } from '../../src/wire/hello.ts'
import { decodePeer, encodePeer } from '../../src/wire/peer-codec.ts'
import { prescan } from '../../src/wire/prescan.ts'
import { readSurvivor, survivorJson } from '../../src/wire/survivor-json.ts'
import { survivorExample } from '../api/node-fixture.ts'
import { epoch, SharedLog } from '../api/single-replica.ts'
import { mutateBytes, mutateTree, type Tree } from './mutate.ts'
import type { Traffic } from './traffic.ts'

export interface Target {
  readonly name: string
  readonly samples: readonly Uint8Array[]
  /** Whether samples are CBOR, which can be damaged as a value too. */
  readonly isCbor: boolean
  readonly run: (bytes: Uint8Array, random: Random) => void
  readonly expects: (error: unknown) => boolean
}

const paxosError =
  (...codes: readonly ErrorCode[]) =>
  (error: unknown): boolean =>
    error instanceof PaxosError && codes.includes(error.code)
const badFrame = paxosError('BAD_FRAME')
const badRequest = paxosError('BAD_REQUEST', 'TOO_LARGE')
const bytesError = (error: unknown): boolean => error instanceof BytesError
const nothing = (): boolean => false

export function targetsOf(traffic: Traffic): readonly Target[] {
  const { peer, greetings, requests, batches, replies, queries, answers, stream } = traffic
  const cbor = (name: string, samples: readonly Uint8Array[], run: Target['run']): Target => {
    return { name, samples, isCbor: true, run, expects: badFrame }
  }
  const machine = (name: string, samples: readonly Uint8Array[], run: Target['run']): Target => {
    return { name, samples, isCbor: false, run, expects: badRequest }
  }
  const barriers = [encodeBarrier(0), encodeBarrier(1_700_000_000_000)]
  return [
    cbor('prescan', [...peer, ...greetings, ...Object.values(stream).flat()], (bytes) => prescan(bytes)),
    cbor('cbor', [...peer, ...greetings, ...Object.values(stream).flat()], (bytes) => void decodeCbor(bytes)),
    cbor('peer message', peer, (bytes, random) => {
      const { group, epoch: number, message } = decodePeer(bytes)
      // What was let in can be said again.
      if (random.chance(0.1)) decodePeer(encodePeer(group, number, message))
    }),
    cbor('peer hello', greetings, (bytes) => void decodeHello(bytes)),
    cbor('peer welcome', greetings, (bytes) => void decodeWelcome(bytes)),
    cbor('stream requests', stream.requests, (bytes) => void decodeRequests(bytes, 1024)),
    cbor('stream answers', stream.answers, (bytes) => void decodeAnswers(bytes)),
    cbor('stream hello', stream.hello, (bytes) => void decodeStreamHello(bytes)),
    cbor('stream leader', stream.leader, (bytes) => void decodeLeaderNotice(bytes)),
    cbor('stream error', stream.error, (bytes) => void decodeStreamError(bytes)),
    framer(peer),
    machine('request', requests, (bytes) => void decodeRequest(bytes)),
    machine('batch', batches, (bytes) => void decodeBatch(bytes)),
    machine('barrier', barriers, (bytes) => void decodeBarrier(bytes)),
    machine('reply', replies, (bytes) => void decodeReply(bytes)),
    machine('query', queries, (bytes) => void decodeQuery(bytes)),
    machine('answer', answers, (bytes) => void decodeAnswer(bytes)),
    { ...machine('stop sign', stopSigns(), (bytes) => void attributionOf(bytes)), expects: nothing },
    apply(requests, batches),
    ...records(batches),
    ...http(),
    survivor(),
  ]
}

function stopSigns(): readonly Uint8Array[] {
  const origin = { actor: 'ann@desk', node: 'n1', address: '::1' }
  return [encodeStopSign(epoch), encodeStopSign(epoch, { origin, timeMs: 1_700_000_000_000, detail: 'q1 2 to 3' })]
}

/** Whole frames, damaged with and without their checksums, in pieces of any size. */
function framer(payloads: readonly Uint8Array[]): Target {
  const samples = payloads.map((payload, index) => encodeFrame((index % 5) + 1, payload))
  const run: Target['run'] = (bytes, random) => {
    const decoder = new FrameDecoder({ payloadBytesMax: 4096 })
    const cut = random.integer(0, bytes.length + 1)
    decoder.push(bytes.subarray(0, cut), () => {})
    decoder.push(bytes.subarray(cut), () => {})
  }
  return { name: 'framer', samples, isCbor: false, run, expects: badFrame }
}

/** What a member proposes reaches the machine as it is: it must answer anything, and never throw. */
function apply(requests: readonly Uint8Array[], batches: readonly Uint8Array[]): Target {
  let log = new SharedLog()
  const run: Target['run'] = (bytes, random) => {
    if (log.entries.length > 2000) log = new SharedLog()
    if (random.chance(0.8)) {
      log.append([bytes])
      return
    }
    const slot = log.end
    const entry = { kind: 'batch', payload: bytes } as const
    log.entries.push(entry)
    log.machine.apply(slot, entry)
  }
  return { name: 'apply', samples: [...requests, ...batches], isCbor: false, run, expects: nothing }
}

function records(payloads: readonly Uint8Array[]): Target[] {
  const key = fromBinary('vote/1')
  const ballot = { epoch: firstEpoch, round: 3, node: toNodeId(2), incarnation: toIncarnation(4), sub: 0 }
  const vote = (payload: Uint8Array, chosen: boolean): Uint8Array =>
    new Uint8Array(encodeVote(key, { ballot, entry: { kind: 'batch', payload }, chosen }))
  const sealed = payloads.map((payload, index) => vote(payload, index % 2 === 0))
  const bodies = sealed.map((record) => record.slice(recordHeaderBytes))
  return [
    {
      name: 'sealed record',
      samples: sealed,
      isCbor: false,
      run: (bytes) => {
        const body = decodeRecord(key, bytes)
        // A damaged record that passes its checksum would be a collision: one in four thousand million.
        if (body !== undefined) decodeVote(firstSlot, body)
      },
      expects: nothing,
    },
    {
      name: 'vote body',
      samples: bodies,
      isCbor: false,
      run: (bytes) => void decodeVote(firstSlot, bytes),
      expects: bytesError,
    },
    {
      name: 'ballot body',
      samples: [encodeBallot(ballot)],
      isCbor: false,
      run: (bytes) => void decodeBallot(bytes),
      expects: bytesError,
    },
    {
      name: 'count body',
      samples: [encodeCount(7)],
      isCbor: false,
      run: (bytes) => void decodeCount(bytes),
      expects: bytesError,
    },
    {
      name: 'epoch body',
      samples: [encodeEpoch(epoch)],
      isCbor: false,
      run: (bytes) => void decodeEpoch(bytes),
      expects: nothing,
    },
  ]
}

const transaction = {
  compare: [{ key: 'a', target: 'version', op: '=', operand: 1 }],
  // biome-ignore lint/suspicious/noThenProperty: the word of the API; never awaited.
  then: [{ put: { key64: 'YQ==', value: 'x' } }, { get: { prefix: 'p', limit: 3 } }],
  else: [{ delete: { start: 'a', end: 'b' } }],
}

function http(): Target[] {
  const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))
  const allowed = ['prefix', 'start', 'end', 'limit', 'revision', 'consistency']
  return [
    {
      name: 'transaction body',
      samples: [
        ascii(JSON.stringify(transaction)),
        ascii('{"compare":[],"then":[],"else":[]}'),
        ascii('[[[[{"a":1e9}]]]]'),
      ],
      isCbor: false,
      run: (bytes) => void readTxn(parseJson(bytes)),
      expects: badRequest,
    },
    {
      name: 'url query',
      samples: [ascii('prefix=a%2fb&limit=10'), ascii('start=%00&end=%ff&revision=9007199254740991')],
      isCbor: false,
      run: (bytes) => {
        const parameters = new QueryParameters(toBinary(bytes), allowed)
        parameters.integer('limit', 1, 10_000)
        parameters.integer('revision', 0)
        parameters.choice('consistency', ['linearizable', 'stale'])
      },
      expects: badRequest,
    },
    {
      name: 'key',
      samples: [ascii('a%2fb%ff%00'), ascii('plain')],
      isCbor: false,
      run: (bytes) => void percentDecode(toBinary(bytes), 'the key'),
      expects: badRequest,
    },
  ]
}

/** One damaged input for a target. */
export function draw(random: Random, target: Target): Uint8Array {
  const pick = (): Uint8Array => target.samples[random.integer(0, target.samples.length)] ?? new Uint8Array(0)
  const sample = pick()
  if (target.isCbor && random.chance(0.5)) {
    const tree = mutateTree(random, decodeCbor(sample) as Tree)
    return new Uint8Array(encodeCbor(tree))
  }
  const mutated = mutateBytes(random, sample, pick())
  // A framer that sees only wrong checksums shows little: half get right ones again.
  if (target.name === 'framer' && random.chance(0.5)) return encodeFrame(random.integer(0, 8), mutated)
  return mutated
}

/** What a recovery is planned from comes from whoever answers. */
function survivor(): Target {
  return {
    name: 'survivor',
    samples: [Buffer.from(JSON.stringify(survivorJson(survivorExample)))],
    isCbor: false,
    run: (bytes) => {
      let value: unknown
      try {
        value = JSON.parse(Buffer.from(bytes).toString('utf8'))
      } catch {
        return
      }
      readSurvivor(value)
    },
    expects: badFrame,
  }
}
