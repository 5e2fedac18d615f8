import type { BackupManifest } from '../../wire/backup-manifest.ts'
import { type FileManifest, type IncrementManifest, isIncrement } from '../../wire/increment-manifest.ts'
import { count, fields } from '../output.ts'

/** A manifest for people. */
export function renderManifest(file: string, manifest: FileManifest, id?: string): string {
  const { clusterId, epoch, group, node, createdAt, program, consistency, bytes, chunks, contentSha256 } = manifest
  const how = consistency === 'stale' ? 'what the node had, without a quorum' : 'everything acknowledged before'
  return fields([
    ['file', file],
    ['cluster', `${clusterId}, group ${group}, epoch ${epoch}`],
    ['made', `${createdAt} by ${node}, version ${program}, format ${manifest.format}`],
    ['holds', how],
    ...(isIncrement(manifest) ? incrementLines(manifest) : fullLines(manifest)),
    ['size', `${count(bytes, 'byte')} in ${count(chunks, 'chunk')} before compression`],
    ['sha256', `${contentSha256} (of the content)`],
    ...(id === undefined ? [] : [['id', `${id} (for what continues it)`] as const]),
  ])
}

/** What is in it, in a few words. */
export function amountOf(manifest: FileManifest): string {
  return isIncrement(manifest) ? count(manifest.entries, 'slot') : count(manifest.keys, 'key')
}

type Lines = readonly (readonly [name: string, value: string])[]

function fullLines({ revision, compactedRevision, applied, keys, history, sessions }: BackupManifest): Lines {
  return [
    ['revision', `${revision}, compacted ${compactedRevision}, applied ${applied}`],
    ['content', `${count(keys, 'key')}, ${count(history, 'old value')}, ${count(sessions, 'session')}`],
  ]
}

function incrementLines(manifest: IncrementManifest): Lines {
  const { base, from, applied, revision, compactedRevision, entries, stopSigns, firstTimeMs, lastTimeMs } = manifest
  return [
    ['continues', base],
    ['revision', `${revision}, compacted ${compactedRevision}, applied ${applied}`],
    ['content', `${count(entries, 'slot')} from ${from} on, ${count(stopSigns, 'change')} of epoch`],
    ['written', lastTimeMs === 0 ? 'nothing' : `${timeText(firstTimeMs)} to ${timeText(lastTimeMs)}`],
  ]
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
