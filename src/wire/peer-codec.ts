import type { EpochNumber, GroupId } from '../protocol/ids.ts'
import type { Message } from '../protocol/multipaxos/message.ts'
import type { PeerMessage, RuntimeMessage } from '../runtime/peer-message.ts'
import { decodeCbor, encodeCbor, readArray } from './cbor.ts'
import { badFrame } from './frame-error.ts'
import { consensusKinds, readConsensus, writeConsensus } from './peer-codec-consensus.ts'
import { FieldReader, FieldWriter } from './peer-codec-fields.ts'
import { readRuntime, runtimeKinds, writeRuntime } from './peer-codec-runtime.ts'

/** What one frame between members holds: a message and where it belongs. The connection says who sent it. */
export interface AddressedMessage {
  readonly group: GroupId
  readonly epoch: EpochNumber
  readonly message: PeerMessage
}

/** Enough for a frame of 4 MiB that holds nothing but the smallest votes; decoding it takes a tenth of a second. */
const limits = { depthMax: 3, itemsMax: 1_048_576 }

type Kind =
  | { readonly of: 'consensus'; readonly kind: Message['kind'] }
  | { readonly of: 'runtime'; readonly kind: RuntimeMessage['kind'] }

const kinds = new Map<number, Kind>([
  ...entriesOf(consensusKinds).map(([kind, number]): [number, Kind] => [number, { of: 'consensus', kind }]),
  ...entriesOf(runtimeKinds).map(([kind, number]): [number, Kind] => [number, { of: 'runtime', kind }]),
])

/**
 * One positional array: kind, group, epoch, then the fields of the kind. Entry payloads pass through as they are.
 * The bytes are good until the next message is encoded and sent; frame them at once.
 */
export function encodePeer(group: string, epoch: number, message: PeerMessage): Uint8Array {
  const writer = new FieldWriter()
  if (isConsensus(message)) {
    writeConsensus(writer.add(consensusKinds[message.kind], group, epoch), message)
  } else {
    writeRuntime(writer.add(runtimeKinds[message.kind], group, epoch), message)
  }
  return encodeCbor(writer.fields)
}

/** Throws PaxosError BAD_FRAME, and only that, whatever the bytes. */
export function decodePeer(bytes: Uint8Array): AddressedMessage {
  const reader = new FieldReader(readArray(decodeCbor(bytes, limits), 'message'), 'message')
  const kind = kinds.get(reader.uint('kind'))
  if (kind === undefined) throw badFrame('message is of an unknown kind')
  const group = readGroup(reader)
  const epoch = reader.uint('epoch')
  if (epoch === 0) throw badFrame('message is of epoch 0')
  const message = kind.of === 'consensus' ? readConsensus(kind.kind, reader) : readRuntime(kind.kind, reader)
  reader.end()
  return { group, epoch: epoch as EpochNumber, message }
}

function readGroup(reader: FieldReader): GroupId {
  const text = reader.text('group', 32)
  if (!/^[a-z0-9][a-z0-9-]*$/.test(text)) throw badFrame('message group is not a group id')
  return text as GroupId
}

function isConsensus(message: PeerMessage): message is Message {
  return Object.hasOwn(consensusKinds, message.kind)
}

function entriesOf<K extends string>(table: Readonly<Record<K, number>>): [K, number][] {
  return Object.entries(table) as [K, number][]
}
