import { createHash } from 'node:crypto'
import { type FileManifest, isIncrement } from '../../wire/increment-manifest.ts'

/**
 * Names what one has who has restored everything up to the end of this file. Full backups of one state are one, whoever made
 * them; an increment is what it is on the base that it was made for.
 */
export function backupId(manifest: FileManifest): string {
  if (!isIncrement(manifest)) return manifest.contentSha256
  const { clusterId, base, from, applied, chain, contentSha256 } = manifest
  const parts = JSON.stringify(['paxos increment 1', clusterId, base, from, applied, chain, contentSha256])
  return createHash('sha256').update(parts).digest('hex')
}
