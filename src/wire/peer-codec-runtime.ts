import { unreachable } from '../base/assert.ts'
import { BytesError, fromBinary, toBinary } from '../base/bytes.ts'
import { isErrorCode, PaxosError } from '../base/error.ts'
import { rangeBoundBytesMax } from '../machine/bounds.ts'
import { chainBytes } from '../machine/chain.ts'
import { decodeReply, encodeReply } from '../machine/reply-codec.ts'
import type { Reply } from '../machine/request.ts'
import type { Epoch } from '../protocol/epoch.ts'
import { decodeEpoch, encodeEpoch } from '../protocol/epoch-codec.ts'
import type { Incarnation } from '../protocol/ids.ts'
import {
  chainSlotsMax,
  contentPartsMax,
  type Outcome,
  type RuntimeMessage,
  type SlotReport,
} from '../runtime/peer-message.ts'
import type { CborValue } from './cbor.ts'
import { badFrame } from './frame-error.ts'
import type { FieldReader, FieldWriter } from './peer-codec-fields.ts'

/** Messages between runtimes as small integers, apart from those of the engines. Numbers are for ever. */
export const runtimeKinds = {
  forward: 64,
  forwarded: 65,
  inspect: 66,
  inspectReply: 67,
  snapshotRequest: 68,
  snapshotChunk: 69,
  epochBegun: 70,
  takeOver: 71,
  chain: 72,
  chainReply: 73,
  content: 74,
  contentReply: 75,
} as const satisfies Record<RuntimeMessage['kind'], number>

const reportStates = ['chosen', 'voted', 'unknown'] as const satisfies readonly SlotReport['state'][]
/** An outcome travels as an id and three fields: kind, then reply and null, or code and message. */
const outcomeItems = 4
const failureCharsMax = 1024

type SnapshotChunk = Extract<RuntimeMessage, { kind: 'snapshotChunk' }>
const contentStates = ['hashed', 'compacted', 'behind'] as const satisfies readonly ContentReport['state'][]

type Content = Extract<RuntimeMessage, { kind: 'content' }>
type ContentReport = Extract<RuntimeMessage, { kind: 'contentReply' }>
type ChainReply = Extract<RuntimeMessage, { kind: 'chainReply' }>
type InspectReply = Extract<RuntimeMessage, { kind: 'inspectReply' }>

export function writeRuntime(to: FieldWriter, message: RuntimeMessage): void {
  switch (message.kind) {
    case 'forward':
      to.add(message.incarnation).list(message.requests, (writer, { id, request }) => writer.add(id, request))
      return
    case 'forwarded':
      to.list(message.outcomes, (writer, { id, outcome }) => writer.add(id, ...outcomeFields(outcome)))
      return
    case 'epochBegun':
      to.add(encodeEpoch(message.epoch))
      return
    case 'takeOver':
      return
    case 'inspect':
      to.add(message.id).range(message.range)
      return
    case 'inspectReply':
      to.add(message.id, message.truncatedUpTo, message.chosenUpTo, message.votedUpTo)
      to.add(message.promisedRound, message.promisedNode)
      to.list(message.slots, (writer, report) =>
        writer.add(report.slot, reportStates.indexOf(report.state), report.round, report.node),
      )
      return
    case 'chain':
      to.add(message.id).list(message.slots, (writer, slot) => writer.add(slot))
      return
    case 'chainReply':
      to.add(message.id, message.appliedUpTo, message.since, message.revision, message.compactedRevision)
      to.list(message.values, (writer, { slot, value }) => writer.add(slot, fromBinary(value)))
      return
    case 'content':
      to.add(message.id, message.revision)
      to.list(message.bounds, (writer, bound) => writer.add(fromBinary(bound))).add(optionalKey(message.end))
      return
    case 'contentReply':
      to.add(message.id, contentStates.indexOf(message.state))
      to.list(message.parts, (writer, { keys, hash }) => writer.add(keys, fromBinary(hash)))
      return
    case 'snapshotRequest':
      to.add(message.snapshot, optionalKey(message.after))
      return
    case 'snapshotChunk':
      to.add(message.snapshot, message.appliedUpTo, optionalKey(message.after))
      to.list(message.entries, (writer, [key, value]) => writer.add(fromBinary(key), value))
      to.add(message.checksum, message.done)
      return
    default:
      unreachable(message)
  }
}

export function readRuntime(kind: RuntimeMessage['kind'], from: FieldReader): RuntimeMessage {
  switch (kind) {
    case 'forward':
      return {
        kind,
        incarnation: from.uint('incarnation') as Incarnation,
        requests: from.list('requests', 2, (reader) => ({ id: reader.uint('id'), request: reader.bytes('request') })),
      }
    case 'forwarded':
      return {
        kind,
        outcomes: from.list('outcomes', outcomeItems, (reader) => ({
          id: reader.uint('id'),
          outcome: readOutcome(reader),
        })),
      }
    case 'epochBegun':
      return { kind, epoch: readEpoch(from) }
    case 'takeOver':
      return { kind }
    case 'inspect':
      return { kind, id: from.uint('id'), range: from.range('range') }
    case 'inspectReply':
      return readInspectReply(from)
    case 'chain':
      return { kind, id: from.uint('id'), slots: from.list('slots', 1, (reader) => reader.slot('slot'), chainSlotsMax) }
    case 'chainReply':
      return readChainReply(from)
    case 'content':
      return readContent(from)
    case 'contentReply':
      return {
        kind,
        id: from.uint('id'),
        state: from.kind('state', contentStates),
        parts: from.list(
          'parts',
          2,
          (reader) => ({ keys: reader.uint('keys'), hash: readHash(reader, 'hash') }),
          contentPartsMax,
        ),
      }
    case 'snapshotRequest':
      return { kind, snapshot: from.optionalUint('snapshot'), after: readOptionalKey(from, 'after') }
    case 'snapshotChunk':
      return readSnapshotChunk(from)
    default:
      return unreachable(kind)
  }
}

function readInspectReply(from: FieldReader): InspectReply {
  return {
    kind: 'inspectReply',
    id: from.uint('id'),
    truncatedUpTo: from.slot('truncatedUpTo'),
    chosenUpTo: from.slot('chosenUpTo'),
    votedUpTo: from.slot('votedUpTo'),
    promisedRound: from.uint('promisedRound'),
    promisedNode: from.uint('promisedNode'),
    slots: from.list('slots', 4, (reader) => ({
      slot: reader.slot('slot'),
      state: reader.kind('state', reportStates),
      round: reader.uint('round'),
      node: reader.uint('node'),
    })),
  }
}

function readChainReply(from: FieldReader): ChainReply {
  return {
    kind: 'chainReply',
    id: from.uint('id'),
    appliedUpTo: from.slot('appliedUpTo'),
    since: from.slot('since'),
    revision: from.uint('revision'),
    compactedRevision: from.uint('compactedRevision'),
    values: from.list(
      'values',
      2,
      (reader) => ({ slot: reader.slot('slot'), value: readHash(reader, 'value') }),
      chainSlotsMax,
    ),
  }
}

function readContent(from: FieldReader): Content {
  const id = from.uint('id')
  const revision = from.uint('revision')
  const bounds = from.list('bounds', 1, (reader) => readBound(reader.bytes('bound')), contentPartsMax)
  const end = readOptionalKey(from, 'end')
  if (bounds.length === 0) throw badFrame('content has no bounds')
  const isRising = bounds.every((bound, at) => at === 0 || (bounds[at - 1] ?? '') < bound)
  if (!isRising || (end !== undefined && end <= (bounds.at(-1) ?? ''))) throw badFrame('content bounds do not rise')
  return { kind: 'content', id, revision, bounds, end }
}

function readBound(bytes: Uint8Array): string {
  if (bytes.length > rangeBoundBytesMax) throw badFrame(`bound has ${bytes.length} bytes`)
  return toBinary(bytes)
}

function readHash(from: FieldReader, field: string): string {
  const bytes = from.bytes(field)
  if (bytes.length !== chainBytes) throw badFrame(`${field} has ${bytes.length} bytes instead of ${chainBytes}`)
  return toBinary(bytes)
}

function readSnapshotChunk(from: FieldReader): SnapshotChunk {
  return {
    kind: 'snapshotChunk',
    snapshot: from.uint('snapshot'),
    appliedUpTo: from.slot('appliedUpTo'),
    after: readOptionalKey(from, 'after'),
    entries: from.list('entries', 2, (reader) => [toBinary(reader.bytes('key')), reader.bytes('value')] as const),
    checksum: from.uint('checksum', 0xffffffff),
    done: from.boolean('done'),
  }
}

function outcomeFields(outcome: Outcome): readonly CborValue[] {
  switch (outcome.kind) {
    case 'replied':
      return [0, encodeReply(outcome.reply), null]
    case 'failed':
      return [1, outcome.code, outcome.message.slice(0, failureCharsMax)]
    default:
      return unreachable(outcome)
  }
}

function readOutcome(from: FieldReader): Outcome {
  if (from.kind('outcome kind', ['replied', 'failed'] as const) === 'replied') {
    const reply = readReply(from.bytes('reply'))
    from.nothing('reply filler')
    return { kind: 'replied', reply }
  }
  const code = from.text('code', 64)
  if (!isErrorCode(code)) throw badFrame('outcome code is of an unknown kind')
  return { kind: 'failed', code, message: from.text('message', failureCharsMax) }
}

function readEpoch(from: FieldReader): Epoch {
  const epoch = decodeEpoch(from.bytes('epoch'))
  if (epoch === undefined) throw badFrame('epoch is malformed, or of a newer version')
  return epoch
}

/** The machine's codec has errors of its own; whatever it says of bytes from a peer, the frame is bad. */
function readReply(bytes: Uint8Array): Reply {
  try {
    return decodeReply(bytes)
  } catch (error) {
    if (error instanceof PaxosError || error instanceof BytesError) throw badFrame('outcome reply is malformed')
    throw error
  }
}

/** Keys of the machine's state are binary strings: not text, so they travel as bytes. */
function optionalKey(key: string | undefined): Uint8Array | undefined {
  return key === undefined ? undefined : fromBinary(key)
}

function readOptionalKey(from: FieldReader, field: string): string | undefined {
  const bytes = from.optionalBytes(field)
  return bytes === undefined ? undefined : toBinary(bytes)
}
