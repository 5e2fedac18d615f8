import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { toBinary } from '../base/bytes.ts'
import { PaxosError } from '../base/error.ts'
import { Random } from '../base/random.ts'
import type { Ballot } from '../protocol/ballot.ts'
import type { Entry } from '../protocol/entry.ts'
import type { Epoch } from '../protocol/epoch.ts'
import { type Incarnation, toEpochNumber, toGroupId, toIncarnation, toNodeId, toSlot } from '../protocol/ids.ts'
import type { Message } from '../protocol/multipaxos/message.ts'
import {
  chainSlotsMax,
  contentPartsMax,
  type Outcome,
  type PeerMessage,
  type RuntimeMessage,
} from '../runtime/peer-message.ts'
import { decodeCbor, encodeCbor, readArray } from './cbor.ts'
import { decodePeer, encodePeer } from './peer-codec.ts'

/** With ordinary prototypes, as the decoder makes them. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true }) as fc.Arbitrary<T>
}

const uint = fc.oneof(fc.nat(300), fc.maxSafeNat())
const slot = uint.map(toSlot)
const range = fc.tuple(uint, uint).map(([a, b]) => ({ from: toSlot(Math.min(a, b)), to: toSlot(Math.max(a, b)) }))
const decided = range.map(({ from, to }) => ({ from, upTo: to }))
const bytes = fc.uint8Array({ maxLength: 60 })
const binaryKey = bytes.map((key) => String.fromCharCode(...key))
const ballot: fc.Arbitrary<Ballot> = record({
  epoch: fc.integer({ min: 1 }).map(toEpochNumber),
  round: uint,
  node: fc.integer({ min: 1, max: 9 }).map(toNodeId),
  incarnation: uint.map(toIncarnation),
  sub: fc.nat(3),
})
const entry: fc.Arbitrary<Entry> = record({
  kind: fc.constantFrom('batch', 'noop', 'barrier', 'stopSign'),
  payload: bytes,
})
const entries = fc.array(record({ slot, entry }), { maxLength: 5 })
const vote = record({ slot, ballot, entry, chosen: fc.boolean() })

const messages: { readonly [K in Message['kind']]: fc.Arbitrary<Extract<Message, { kind: K }>> } = {
  prepare: record({ kind: fc.constant('prepare'), ballot, attempt: uint, fromSlot: slot }),
  promise: record({
    kind: fc.constant('promise'),
    ballot,
    attempt: uint,
    part: fc.nat(5),
    parts: fc.integer({ min: 6, max: 100 }),
    truncatedUpTo: slot,
    chosenUpTo: slot,
    votes: fc.array(vote, { maxLength: 5 }),
    unknown: fc.array(slot, { maxLength: 5 }),
  }),
  nack: record({ kind: fc.constant('nack'), ballot, promised: ballot, leaseMs: uint }),
  accept: record({ kind: fc.constant('accept'), ballot, decided, entries }),
  accepted: record({ kind: fc.constant('accepted'), ballot, ranges: fc.array(range, { maxLength: 5 }) }),
  decide: record({ kind: fc.constant('decide'), ballot, decided }),
  heartbeat: record({ kind: fc.constant('heartbeat'), ballot, seq: uint, decided }),
  heartbeatAck: record({ kind: fc.constant('heartbeatAck'), ballot, seq: uint, chosenUpTo: slot }),
  catchup: record({ kind: fc.constant('catchup'), range }),
  catchupReply: record({ kind: fc.constant('catchupReply'), truncatedUpTo: slot, chosenUpTo: slot, entries }),
  survey: record({ kind: fc.constant('survey'), round: uint }),
  surveyReply: record({
    kind: fc.constant('surveyReply'),
    round: uint,
    ballot,
    leader: ballot,
    happy: fc.boolean(),
    chosenUpTo: slot,
    durableUpTo: slot,
  }),
  release: record({ kind: fc.constant('release'), ballot }),
  readIndex: record({ kind: fc.constant('readIndex'), id: uint }),
  readIndexReply: record({
    kind: fc.constant('readIndexReply'),
    id: uint,
    upTo: fc.option(slot, { nil: undefined }),
  }),
}

const risingKeys = fc
  .uniqueArray(binaryKey, { minLength: 1, maxLength: contentPartsMax })
  .map((keys) => [...keys].sort())
const hash = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(toBinary)

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  record({
    kind: fc.constant('failed'),
    code: fc.constantFrom('NO_LEADER', 'OVERLOADED', 'OUTCOME_UNKNOWN'),
    message: fc.string({ unit: 'grapheme', maxLength: 40 }),
  }),
  record({
    kind: fc.constant('replied'),
    reply: fc.oneof(
      record({ kind: fc.constant('put'), slot, revision: uint, version: uint }),
      record({ kind: fc.constant('delete'), slot, revision: uint, deleted: uint }),
    ),
  }),
)

const epochs: fc.Arbitrary<Epoch> = fc
  .record({
    number: fc.integer({ min: 1 }).map(toEpochNumber),
    names: fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 5 }),
    learners: fc.integer({ min: 0, max: 4 }),
    leaseMs: fc.nat(5000),
    startSlot: slot,
  })
  .map(({ number, names, learners, leaseMs, startSlot }) => ({
    number,
    protocol: 'multi',
    members: names.map((name, index) => ({
      id: toNodeId(index + 1),
      name,
      peerAddress: `host:${index}`,
      kind: index > 0 && index <= learners ? 'learner' : 'acceptor',
    })),
    q1: names.length - Math.min(learners, names.length - 1),
    q2: 1,
    leaseMs,
    startSlot,
    featureLevel: 1,
    highestId: toNodeId(names.length + 2),
  }))

const runtimeMessages: { readonly [K in RuntimeMessage['kind']]: fc.Arbitrary<Extract<RuntimeMessage, { kind: K }>> } =
  {
    forward: record({
      kind: fc.constant('forward'),
      incarnation: uint as fc.Arbitrary<Incarnation>,
      requests: fc.array(record({ id: uint, request: bytes }), { maxLength: 5 }),
    }),
    forwarded: record({
      kind: fc.constant('forwarded'),
      outcomes: fc.array(record({ id: uint, outcome }), { maxLength: 5 }),
    }),
    epochBegun: record({ kind: fc.constant('epochBegun'), epoch: epochs }),
    takeOver: record({ kind: fc.constant('takeOver') }),
    inspect: record({ kind: fc.constant('inspect'), id: uint, range }),
    inspectReply: record({
      kind: fc.constant('inspectReply'),
      id: uint,
      truncatedUpTo: slot,
      chosenUpTo: slot,
      votedUpTo: slot,
      promisedRound: uint,
      promisedNode: uint,
      slots: fc.array(record({ slot, state: fc.constantFrom('chosen', 'voted', 'unknown'), round: uint, node: uint }), {
        maxLength: 5,
      }),
    }),
    chain: record({
      kind: fc.constant('chain'),
      id: uint,
      slots: fc.array(slot, { maxLength: chainSlotsMax, size: 'max' }),
    }),
    chainReply: record({
      kind: fc.constant('chainReply'),
      id: uint,
      appliedUpTo: slot,
      since: slot,
      revision: uint,
      compactedRevision: uint,
      values: fc.array(record({ slot, value: hash }), { maxLength: chainSlotsMax }),
    }),
    content: record({
      kind: fc.constant('content'),
      id: uint,
      revision: uint,
      bounds: risingKeys,
      end: fc.constantFrom(undefined, '\xff'.repeat(61)),
    }),
    contentReply: record({
      kind: fc.constant('contentReply'),
      id: uint,
      state: fc.constantFrom('hashed', 'compacted', 'behind'),
      parts: fc.array(record({ keys: uint, hash }), { maxLength: contentPartsMax }),
    }),
    snapshotRequest: record({
      kind: fc.constant('snapshotRequest'),
      snapshot: fc.option(uint, { nil: undefined }),
      after: fc.option(binaryKey, { nil: undefined }),
    }),
    snapshotChunk: record({
      kind: fc.constant('snapshotChunk'),
      snapshot: uint,
      appliedUpTo: slot,
      after: fc.option(binaryKey, { nil: undefined }),
      entries: fc.array(fc.tuple(binaryKey, bytes), { maxLength: 5 }),
      checksum: fc.nat(0xffffffff),
      done: fc.boolean(),
    }),
  }

const everyKind: readonly fc.Arbitrary<PeerMessage>[] = [...Object.values(messages), ...Object.values(runtimeMessages)]
const group = toGroupId('0')
const epoch = toEpochNumber(1)

/** Decodes, and lets nothing but BAD_FRAME pass for a refusal. */
function decodesOrRefuses(payload: Uint8Array): 'decoded' | 'refused' {
  try {
    decodePeer(payload)
    return 'decoded'
  } catch (error) {
    assert.ok(error instanceof PaxosError && error.code === 'BAD_FRAME', String(error))
    return 'refused'
  }
}

for (const [kind, arbitrary] of Object.entries({ ...messages, ...runtimeMessages })) {
  test(`${kind} comes back as it went`, () => {
    const property = fc.property(arbitrary as fc.Arbitrary<PeerMessage>, (message) => {
      assert.deepEqual(decodePeer(encodePeer(group, epoch, message)), { group, epoch, message })
    })
    fc.assert(property, { numRuns: 200 })
  })
}

test('a message cut short anywhere is a bad frame', () => {
  for (const message of fc.sample(fc.oneof(...everyKind), { numRuns: 100, seed: 1 })) {
    const whole = encodePeer(group, epoch, message)
    for (let length = 0; length < whole.length; length++) {
      assert.equal(decodesOrRefuses(whole.subarray(0, length)), 'refused', `${message.kind} cut at ${length}`)
    }
  }
})

test('damaged messages are decoded or refused, and do nothing else', () => {
  const runs = Number(process.env['PAXOS_FUZZ_RUNS'] ?? 200_000)
  const corpus = fc
    .sample(fc.oneof(...everyKind), { numRuns: 500, seed: 2 })
    .map((message) => encodePeer(group, epoch, message).slice())
  const random = new Random(3)
  const seen = { decoded: 0, refused: 0 }
  for (let run = 0; run < runs; run++) {
    const original = corpus[run % corpus.length] ?? new Uint8Array(0)
    seen[decodesOrRefuses(damage(original, random))]++
  }
  assert.ok(seen.decoded > 0 && seen.refused > runs / 2, JSON.stringify(seen))
})

function damage(original: Uint8Array, random: Random): Uint8Array {
  const at = random.integer(0, original.length)
  const byte = random.integer(0, 256)
  switch (random.integer(0, 4)) {
    case 0:
      return original.with(at, byte)
    case 1:
      return original
        .with(at, (original[at] ?? 0) ^ (1 << random.integer(0, 8)))
        .with(random.integer(0, original.length), byte)
    case 2:
      return new Uint8Array([...original.subarray(0, at), byte, ...original.subarray(at)])
    default:
      return new Uint8Array([...original.subarray(0, at), ...original.subarray(at + 1 + random.integer(0, 4))])
  }
}

test('fields that contradict each other are refused by name', () => {
  const refuses = (values: readonly unknown[], words: RegExp): void => {
    const payload = encodeCbor(values as Parameters<typeof encodeCbor>[0])
    assert.throws(
      () => decodePeer(payload),
      (error) => error instanceof PaxosError && error.code === 'BAD_FRAME' && words.test(error.message),
    )
  }
  const zero = [1, 0, 0, 0, 0]
  refuses([7, '0', 1, 5, 4], /message range ends before it begins/)
  refuses([1, '0', 1, ...zero, 0, 2, 2, 0, 0, [], []], /promise part is not below parts/)
  refuses([3, '0', 1, ...zero, 0, 0, [1, 0]], /message entries is not made of 3 items each/)
  refuses([3, '0', 1, ...zero, 0, 0, [1, 4, new Uint8Array(0)]], /entry kind is of an unknown kind/)
  refuses([9, '0', 1, 5, 6], /fields that nobody knows/)
  refuses([9, '0', 1], /ends before round/)
  refuses([9, '0', 0, 5], /epoch 0/)
  refuses([9, 'UPPER', 1, 5], /not a group id/)
  refuses([9, '', 1, 5], /not a group id/)
  refuses([63, '0', 1, 5], /unknown kind/)
  refuses([2, '0', 1, 0, 0, 0, 0, 0, ...zero, 0], /ballot is of epoch 0/)
  const many = Array.from({ length: chainSlotsMax + 1 }, (_, at) => at)
  refuses([72, '0', 1, 5, many], /message slots has 65 items, at most 64 are allowed/)
  refuses([73, '0', 1, 5, 9, 0, 0, 0, many.flatMap((at) => [at, new Uint8Array(16)])], /message values has 130 items/)
  refuses([73, '0', 1, 5, 9, 0, 0, 0, [8, new Uint8Array(15)]], /value has 15 bytes instead of 16/)
  const [a, b] = [new Uint8Array([1]), new Uint8Array([2])]
  refuses([74, '0', 1, 5, 9, [], null], /content has no bounds/)
  refuses([74, '0', 1, 5, 9, [b, a], null], /content bounds do not rise/)
  refuses([74, '0', 1, 5, 9, [a, b], b], /content bounds do not rise/)
  refuses([74, '0', 1, 5, 9, [new Uint8Array(1026)], null], /bound has 1026 bytes/)
  refuses([74, '0', 1, 5, 9, many.map((at) => new Uint8Array([at])), null], /message bounds has 65 items/)
  refuses([75, '0', 1, 5, 0, many.flatMap((at) => [at, new Uint8Array(16)])], /message parts has 130 items/)
  refuses([65, '0', 1, [1, 1, 'NO_SUCH_CODE', 'x']], /outcome code/)
  refuses([65, '0', 1, [1, 0, new Uint8Array([255, 255]), null]], /outcome reply/)
})

test('an entry payload passes through unchanged, however large', () => {
  const payload = new Uint8Array(4 * 1024 * 1024).map((_, i) => i * 7)
  const message: PeerMessage = {
    kind: 'accept',
    ballot: { epoch, round: 1, node: toNodeId(1), incarnation: toIncarnation(1), sub: 0 },
    decided: { from: toSlot(0), upTo: toSlot(0) },
    entries: [{ slot: toSlot(7), entry: { kind: 'batch', payload } }],
  }
  assert.deepEqual(decodePeer(encodePeer(group, epoch, message)).message, message)
})

test('a message is one flat array that other languages read easily', () => {
  const message: PeerMessage = {
    kind: 'heartbeatAck',
    ballot: fc.sample(ballot, { numRuns: 1, seed: 4 })[0] as Ballot,
    seq: 3,
    chosenUpTo: toSlot(9),
  }
  const fields = readArray(decodeCbor(encodePeer(group, epoch, message)), 'message')
  const { epoch: e, round, node, incarnation, sub } = message.ballot
  assert.deepEqual(fields, [6, '0', 1, e, round, node, incarnation, sub, 3, 9])
})
