import { backupFrame, isCount, jsonBytes } from './backup-codec.ts'
import { encodeFrame } from './frame.ts'
import { isConsistency, isSha256, isShortText, manifestFields } from './manifest-fields.ts'

/** What the chunks of a backup add up to. */
export interface BackupContent {
  readonly revision: number
  readonly compactedRevision: number
  /** Slots below are applied. */
  readonly applied: number
  readonly keys: number
  /** Former items that can still be read at a revision. */
  readonly history: number
  readonly sessions: number
  /** Records of every kind. */
  readonly entries: number
  /** Of the entries, before compression. */
  readonly bytes: number
  readonly chunks: number
  /** Of all entries, as they lie in the chunks one after another: 64 hexadecimal digits. */
  readonly contentSha256: string
  /** The same of the keys and their items alone, which a restore leaves as they are. */
  readonly keysSha256: string
}

/** Where and how a backup was made. */
export interface BackupOrigin {
  readonly format: number
  readonly program: string
  readonly clusterId: string
  readonly node: string
  readonly group: string
  readonly epoch: number
  /** `linearizable`: with everything that was acknowledged before. `stale`: with what the node had. */
  readonly consistency: 'linearizable' | 'stale'
  /** ISO 8601, by the clock of the node. */
  readonly createdAt: string
}

export interface BackupManifest extends BackupOrigin, BackupContent {}

const texts = ['program', 'clusterId', 'node', 'group', 'createdAt'] as const
const counts = [
  ...(['format', 'epoch', 'revision', 'compactedRevision', 'applied', 'keys', 'history'] as const),
  ...(['sessions', 'entries', 'bytes', 'chunks'] as const),
]
const hashes = ['contentSha256', 'keysSha256'] as const

export function encodeManifest(manifest: BackupManifest): Uint8Array {
  return encodeFrame(backupFrame.manifest, jsonBytes(manifest))
}

/** Throws PaxosError BAD_FRAME. Fields of later versions are left out. */
export function decodeManifest(payload: Uint8Array): BackupManifest {
  const read = manifestFields(payload)
  const fields = {
    ...Object.fromEntries(texts.map((name) => [name, read(name, isShortText)])),
    ...Object.fromEntries(counts.map((name) => [name, read(name, isCount)])),
    ...Object.fromEntries(hashes.map((name) => [name, read(name, isSha256)])),
    consistency: read('consistency', isConsistency),
  }
  // Every field of the interface is in one of the lists above.
  return fields as unknown as BackupManifest
}
