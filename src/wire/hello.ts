import type { FeatureLevels } from '../protocol/feature-level.ts'
import type { Incarnation, NodeId } from '../protocol/ids.ts'
import { type CborValue, decodeCbor, encodeCbor, readArray } from './cbor.ts'
import { badFrame } from './frame-error.ts'
import { FieldReader, FieldWriter } from './peer-codec-fields.ts'

/** Types of frames between members. Numbers are for ever. */
export const peerFrame = { hello: 1, welcome: 2, message: 3, ping: 4, pong: 5 } as const

/** Protocol versions that this build speaks. Raise `max` with a change, and `min` one release later. */
export const peerVersions = { min: 1, max: 1 } as const

/** Before a hello is judged, nobody may send more than this in one frame. */
export const helloBytesMax = 4096

/** What both sides say of themselves. */
export interface PeerIdentity {
  readonly clusterId: string
  readonly nodeId: NodeId
  readonly name: string
  readonly incarnation: Incarnation
  /** Random for each data directory, and the same for as long as it lives. */
  readonly diskId: string
  /** Random for each incarnation. Two of them with one number are two processes on copies of one disk. */
  readonly incarnationId: string
  /** The incarnations before this one that its directory knows, rising; the last few. */
  readonly earlierIncarnations: readonly { readonly incarnation: Incarnation; readonly incarnationId: string }[]
  /** `host:port` of the client listener, for redirects. */
  readonly clientAddress: string
  /** Version of the software, for people. */
  readonly version: string
  /** The levels that it understands. */
  readonly featureLevels: FeatureLevels
  /** Level that its first epoch began with; 0 when it does not know that epoch. */
  readonly foundedLevel: number
}

/** First frame of the dialler. The layout is fixed for all protocol versions; later ones may only add fields. */
export interface Hello extends PeerIdentity {
  readonly versionMin: number
  readonly versionMax: number
}

export const refusalCodes = [
  'WRONG_CLUSTER',
  'WRONG_VERSION',
  'UNKNOWN_NODE',
  'OWN_NODE_ID',
  'STALE_INCARNATION',
  'DUPLICATE_NODE',
  'OTHER_DISK',
  'OLDER_COPY',
  'STOPPING',
] as const
export type RefusalCode = (typeof refusalCodes)[number]

/** The answer. A code that this build does not know reads as `undefined`: the message still says what happened. */
export type Welcome =
  | (PeerIdentity & { readonly kind: 'accepted'; readonly protocolVersion: number })
  | { readonly kind: 'refused'; readonly code: RefusalCode | undefined; readonly message: string }

const nameCharsMax = 128
const addressCharsMax = 300
const messageCharsMax = 512

export function encodeHello(hello: Hello): Uint8Array {
  return encodeCbor([hello.versionMin, hello.versionMax, ...identityFields(hello)])
}

/** Throws PaxosError BAD_FRAME. */
export function decodeHello(bytes: Uint8Array): Hello {
  const reader = readerOf(bytes, 'hello')
  const versionMin = reader.uint('versionMin', 0xffff)
  const versionMax = reader.uint('versionMax', 0xffff)
  if (versionMin > versionMax) throw badFrame('hello version range ends before it begins')
  return { versionMin, versionMax, ...readIdentity(reader) }
}

export function encodeWelcome(welcome: Welcome): Uint8Array {
  if (welcome.kind === 'accepted') return encodeCbor([0, welcome.protocolVersion, ...identityFields(welcome)])
  return encodeCbor([1, welcome.code, welcome.message.slice(0, messageCharsMax)])
}

/** Throws PaxosError BAD_FRAME. */
export function decodeWelcome(bytes: Uint8Array): Welcome {
  const reader = readerOf(bytes, 'welcome')
  if (reader.kind('kind', ['accepted', 'refused'] as const) === 'accepted') {
    return { kind: 'accepted', protocolVersion: reader.uint('protocolVersion', 0xffff), ...readIdentity(reader) }
  }
  const code = reader.text('code', 64)
  return {
    kind: 'refused',
    code: refusalCodes.find((known) => known === code),
    message: printable(reader.text('message', messageCharsMax)),
  }
}

function identityFields(identity: PeerIdentity): readonly CborValue[] {
  const { clusterId, nodeId, name, diskId, incarnation, incarnationId, clientAddress, version, earlierIncarnations } =
    identity
  const { foundedLevel } = identity
  const { min, max } = identity.featureLevels
  const earlier = new FieldWriter().list(earlierIncarnations, (to, each) =>
    to.add(each.incarnation, each.incarnationId),
  )
  return [
    clusterId,
    nodeId,
    name,
    diskId,
    incarnation,
    incarnationId,
    clientAddress,
    version,
    ...earlier.fields,
    min,
    max,
    foundedLevel,
  ]
}

function readIdentity(reader: FieldReader): PeerIdentity {
  const clusterId = reader.text('clusterId', nameCharsMax)
  const nodeId = reader.uint('nodeId')
  if (nodeId === 0) throw badFrame('nodeId is 0')
  const identity = {
    clusterId,
    nodeId: nodeId as NodeId,
    name: printable(reader.text('name', nameCharsMax)),
    diskId: reader.text('diskId', nameCharsMax),
    incarnation: reader.uint('incarnation') as Incarnation,
    incarnationId: reader.text('incarnationId', nameCharsMax),
    clientAddress: printable(reader.text('clientAddress', addressCharsMax)),
    version: printable(reader.text('version', nameCharsMax)),
  }
  // What came later: a version without these fields remembered no incarnations, and knew one level.
  return {
    ...identity,
    earlierIncarnations: reader.isAtEnd ? [] : reader.list('earlierIncarnations', 2, readEarlier),
    featureLevels: reader.isAtEnd ? { min: 1, max: 1 } : readLevels(reader),
    foundedLevel: reader.isAtEnd ? 0 : reader.uint('foundedLevel', 0xffff),
  }
}

function readEarlier(each: FieldReader): PeerIdentity['earlierIncarnations'][number] {
  return {
    incarnation: each.uint('incarnation') as Incarnation,
    incarnationId: each.text('incarnationId', nameCharsMax),
  }
}

function readLevels(reader: FieldReader): FeatureLevels {
  const min = reader.uint('featureMin', 0xffff)
  const max = reader.uint('featureMax', 0xffff)
  if (min < 1 || min > max) throw badFrame('hello has feature levels that end before they begin')
  return { min, max }
}

/** Fields beyond those read here belong to a later version and are left alone. */
function readerOf(bytes: Uint8Array, name: string): FieldReader {
  return new FieldReader(readArray(decodeCbor(bytes, { depthMax: 2, itemsMax: 256 }), name), name)
}

/** These reach logs and terminals, where control characters could forge lines. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd')
}
