/**
 * Who a data directory belongs to. Kept twice: as a record in acceptor.mdb and in identity.json beside it. The copy is
 * there to notice that acceptor.mdb was lost: a node that forgot its promises must never come back under its old id.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { type NodeId, toNodeId } from '../../protocol/ids.ts'
import { replaceFile } from './durable-file.ts'

export const identityFile = 'identity.json'

/**
 * Of everything in the directory: files, keys, records. A binary refuses what is newer than itself. 1: without a journal,
 * which a node gets when it starts on such a directory.
 */
export const directoryFormat = 2

export interface Identity {
  readonly formatVersion: number
  readonly clusterId: string
  readonly nodeId: NodeId
  readonly name: string
  /** Random, drawn when the directory was made. A node that comes back with another one has forgotten its promises. */
  readonly diskId: string
  /** Names the backup, and the revision, that the cluster was restored from; not there when it began empty. */
  readonly restoredFrom?: string
  /** The ids that the cluster had before each recovery of a lost quorum, oldest first; not there when there was none. */
  readonly recovered?: readonly string[]
}

/** Of a cluster that is configured in the same way, and was restored. It depends on what from: other data, other cluster. */
export function restoredClusterId(configured: string, restoredFrom: string): string {
  const parts = JSON.stringify(['paxos restored cluster 1', configured, restoredFrom])
  return createHash('sha256').update(parts).digest('hex').slice(0, 32)
}

/** Who the configuration says that the directory belongs to. `clusterId` is of a cluster that was not restored. */
export type ExpectedIdentity = Omit<Identity, 'formatVersion' | 'diskId' | 'recovered'>

export function encodeIdentity(identity: Identity): Uint8Array {
  return new TextEncoder().encode(identityText(identity))
}

/** Undefined when it is none. Throws PaxosError DATA_DIR_REFUSED when a newer version wrote it. */
export function decodeIdentity(bytes: Uint8Array): Identity | undefined {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('formatVersion' in value)) return undefined
  const { formatVersion } = value
  if (typeof formatVersion !== 'number' || !Number.isSafeInteger(formatVersion) || formatVersion < 1) return undefined
  if (formatVersion > directoryFormat) throw newerFormat(formatVersion)
  if (!('clusterId' in value) || !('nodeId' in value) || !('name' in value) || !('diskId' in value)) return undefined
  const { clusterId, nodeId, name, diskId } = value
  if (typeof clusterId !== 'string' || typeof name !== 'string' || typeof diskId !== 'string') return undefined
  if (typeof nodeId !== 'number' || !Number.isSafeInteger(nodeId) || nodeId < 1) return undefined
  const identity = { formatVersion, clusterId, nodeId: toNodeId(nodeId), name, diskId }
  const restoredFrom = 'restoredFrom' in value ? value.restoredFrom : undefined
  const recovered: unknown = 'recovered' in value ? value.recovered : undefined
  if (restoredFrom !== undefined && typeof restoredFrom !== 'string') return undefined
  if (recovered !== undefined && !isTexts(recovered)) return undefined
  return {
    ...identity,
    ...(restoredFrom === undefined ? {} : { restoredFrom }),
    ...(recovered === undefined ? {} : { recovered }),
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string')
}

/** Undefined when there is no such file. Throws PaxosError DATA_DIR_REFUSED. */
export async function readIdentityFile(directory: string): Promise<Identity | undefined> {
  const path = join(directory, identityFile)
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new PaxosError('DATA_DIR_REFUSED', `Cannot read ${path}: ${error instanceof Error ? error.message : error}`, {
      hint: 'Check owner and permissions: the node must run as the user to whom its directory belongs.',
      cause: error,
    })
  }
  const identity = decodeIdentity(bytes)
  if (identity !== undefined) return identity
  throw new PaxosError('DATA_DIR_REFUSED', `Cannot read ${path}: it is damaged`, {
    hint: 'If acceptor.mdb beside it is whole, put the file back from a backup. Otherwise bring the node back under a new id.',
  })
}

export async function writeIdentityFile(directory: string, identity: Identity): Promise<void> {
  await replaceFile(join(directory, identityFile), `${identityText(identity)}\n`)
}

/** Whatever the format. */
export function sameIdentity(a: Identity, b: Identity): boolean {
  return (
    identityText({ ...a, formatVersion: directoryFormat }) === identityText({ ...b, formatVersion: directoryFormat })
  )
}

/** Throws PaxosError DATA_DIR_REFUSED when the directory belongs to someone else. A name is only a label. */
export function checkExpected(directory: string, found: Identity, expected: ExpectedIdentity): void {
  const { restoredFrom } = found
  const clusterId =
    restoredFrom === undefined ? expected.clusterId : restoredClusterId(expected.clusterId, restoredFrom)
  const own = firstClusterId(found)
  if (own !== clusterId) {
    throw new PaxosError(
      'DATA_DIR_REFUSED',
      `Cannot use ${directory}: it belongs to cluster ${own}, this node to ${clusterId}`,
      { hint: 'Check the cluster token and members in the configuration, or choose another data directory.' },
    )
  }
  if (found.nodeId !== expected.nodeId) {
    throw new PaxosError(
      'DATA_DIR_REFUSED',
      `Cannot use ${directory}: it belongs to node ${found.nodeId} (${found.name}), this is node ${expected.nodeId} (${expected.name})`,
      { hint: 'Each node has a data directory of its own. Check node name and data directory in the configuration.' },
    )
  }
}

/** Before any recovery: what a configuration, or the cluster that let the node in, says of it. */
export function firstClusterId({ clusterId, recovered }: Identity): string {
  return recovered?.[0] ?? clusterId
}

function identityText(identity: Identity): string {
  const { formatVersion, clusterId, nodeId, name, diskId, restoredFrom, recovered } = identity
  return JSON.stringify({ formatVersion, clusterId, nodeId, name, diskId, restoredFrom, recovered })
}

function newerFormat(version: number): PaxosError {
  return new PaxosError(
    'DATA_DIR_REFUSED',
    `Cannot use the data directory: it has format ${version}, this version knows ${directoryFormat}`,
    { hint: 'Start the node with the newer version of paxos that wrote it.' },
  )
}
