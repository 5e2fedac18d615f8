import type { BackupManifest } from '../../wire/backup-manifest.ts'
import { count, fields } from '../output.ts'

/** A manifest for people. */
export function renderManifest(file: string, manifest: BackupManifest): string {
  const { clusterId, epoch, group, node, createdAt, program, consistency, revision, compactedRevision } = manifest
  const { applied, keys, history, sessions, bytes, chunks, contentSha256 } = manifest
  const how = consistency === 'stale' ? 'what the node had, without a quorum' : 'everything acknowledged before'
  return fields([
    ['file', file],
    ['cluster', `${clusterId}, group ${group}, epoch ${epoch}`],
    ['made', `${createdAt} by ${node}, version ${program}, format ${manifest.format}`],
    ['holds', how],
    ['revision', `${revision}, compacted ${compactedRevision}, applied ${applied}`],
    ['content', `${count(keys, 'key')}, ${count(history, 'old value')}, ${count(sessions, 'session')}`],
    ['size', `${count(bytes, 'byte')} in ${count(chunks, 'chunk')} before compression`],
    ['sha256', `${contentSha256} (of the content)`],
  ])
}
