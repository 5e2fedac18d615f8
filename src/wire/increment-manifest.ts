import { backupFrame, isCount, jsonBytes } from './backup-codec.ts'
import type { BackupManifest, BackupOrigin } from './backup-manifest.ts'
import { encodeFrame } from './frame.ts'
import { isChain, isConsistency, isSha256, isShortText, manifestFields } from './manifest-fields.ts'

/** What the chunks of an increment add up to. */
export interface IncrementContent {
  /** One a slot. */
  readonly entries: number
  /** Changes of epoch among them. */
  readonly stopSigns: number
  /** The least and the greatest time of a batch, by the leaders' clocks, in milliseconds since 1970; 0 without one. */
  readonly firstTimeMs: number
  readonly lastTimeMs: number
  /** Of the entries, before compression. */
  readonly bytes: number
  readonly chunks: number
  /** Of all entries, as they lie in the chunks one after another. */
  readonly contentSha256: string
}

/** Where an increment begins: what the backup before it ends with. */
export interface IncrementStart {
  /** Names the backup that it continues (`backupId`). */
  readonly base: string
  /** Its first slot. */
  readonly from: number
  /** The hash chain there, 32 hexadecimal digits. */
  readonly chainBefore: string
}

/** The state that its entries lead to, as it was on the node. */
export interface IncrementEnd {
  /** Slots below are in it. */
  readonly applied: number
  readonly revision: number
  readonly compactedRevision: number
  /** The hash chain at its end, and since which slot it runs. */
  readonly chain: string
  readonly chainSince: number
}

export interface IncrementManifest extends BackupOrigin, IncrementStart, IncrementEnd, IncrementContent {}

export type FileManifest = BackupManifest | IncrementManifest

const texts = ['program', 'clusterId', 'node', 'group', 'createdAt'] as const
const counts = [
  ...(['format', 'epoch', 'from', 'applied', 'revision', 'compactedRevision', 'chainSince'] as const),
  ...(['entries', 'stopSigns', 'firstTimeMs', 'lastTimeMs', 'bytes', 'chunks'] as const),
]
const hashes = ['base', 'contentSha256'] as const
const chains = ['chainBefore', 'chain'] as const

export function isIncrement(manifest: FileManifest): manifest is IncrementManifest {
  return 'base' in manifest
}

export function encodeIncrementManifest(manifest: IncrementManifest): Uint8Array {
  return encodeFrame(backupFrame.manifest, jsonBytes(manifest))
}

/** Throws PaxosError BAD_FRAME. Fields of later versions are left out. */
export function decodeIncrementManifest(payload: Uint8Array): IncrementManifest {
  const read = manifestFields(payload)
  const fields = {
    ...Object.fromEntries(texts.map((name) => [name, read(name, isShortText)])),
    ...Object.fromEntries(counts.map((name) => [name, read(name, isCount)])),
    ...Object.fromEntries(hashes.map((name) => [name, read(name, isSha256)])),
    ...Object.fromEntries(chains.map((name) => [name, read(name, isChain)])),
    consistency: read('consistency', isConsistency),
  }
  // Every field of the interface is in one of the lists above.
  return fields as unknown as IncrementManifest
}
