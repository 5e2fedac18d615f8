import { join } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { KvMachine } from '../../machine/kv-machine.ts'
import { itemRange, keyOfItem } from '../../machine/layout.ts'
import { decodeItem } from '../../machine/records.ts'
import { toNodeId } from '../../protocol/ids.ts'
import { Overlay } from '../../runtime/overlay.ts'
import { everything } from '../../wire/key-range.ts'
import { fileSystemSpace } from '../store/file-system-space.ts'
import type { CheckedBackup } from './backup-file.ts'
import { fillStore } from './fill-store.ts'
import { tallyOf } from './restore.ts'
import { withDirectory } from './with-directory.ts'

/** Two copies, and what LMDB needs beside the records. */
const spaceFactor = 4
const spaceMinBytes = 64 * 1024 * 1024

/** Throws PaxosError USAGE when backups of so many bytes before compression have no room below `directory`. */
export async function checkScratchSpace(directory: string, bytes: number): Promise<void> {
  const { freeBytes } = await fileSystemSpace(directory)
  const wanted = spaceFactor * bytes + spaceMinBytes
  if (freeBytes >= wanted) return
  throw new PaxosError('USAGE', `${directory} has ${freeBytes} bytes free, and ${wanted} are wanted`, {
    hint: 'Name a larger place with --scratch.',
  })
}

/**
 * Puts everything that the backup holds, history and sessions too, into a real store, and opens it with the machine.
 * Throws PaxosError BACKUP_DAMAGED, saying what is wrong.
 */
export async function verifyInStore(backup: CheckedBackup, scratch: string): Promise<void> {
  const expected = { clusterId: 'verify', nodeId: toNodeId(1), name: 'verify' }
  await withDirectory({ path: join(scratch, 'as-it-was'), expected }, async ({ state }) => {
    await fillStore(state, backup)
    const tally = tallyOf(state)
    compare(backup, { ...tally.content(), chunks: backup.manifest.chunks })
    compareMachine(backup, new KvMachine(new Overlay(state.view)))
    const { start, end } = itemRange(everything)
    for (const [key, record] of state.view.range(start, end)) checkItem(backup, key, record)
  })
}

function compareMachine(backup: CheckedBackup, machine: KvMachine): void {
  compare(backup, {
    revision: machine.revision,
    compactedRevision: machine.compactedRevision,
    applied: machine.appliedUpTo,
    sessions: machine.sessions,
  })
}

function compare({ path, manifest }: CheckedBackup, found: Readonly<Record<string, string | number>>): void {
  for (const [name, value] of Object.entries(found)) {
    const said: unknown = Object.entries(manifest).find(([key]) => key === name)?.[1]
    if (said !== value)
      throw badBackup(path, `restored, it has ${name} ${value}, but its manifest says ${String(said)}`)
  }
}

function checkItem({ path, manifest }: CheckedBackup, viewKey: string, record: Uint8Array): void {
  const { createRevision, modRevision, version } = decodeItem(keyOfItem(viewKey), record)
  const isSane = 0 < createRevision && createRevision <= modRevision && modRevision <= manifest.revision && version > 0
  if (isSane) return
  throw badBackup(
    path,
    `key ${keyOfItem(viewKey).slice(0, 80)} has create revision ${createRevision}, \
modification revision ${modRevision}, version ${version}, and the newest revision is ${manifest.revision}`,
  )
}

export function badBackup(path: string, what: string): PaxosError {
  return new PaxosError('BACKUP_DAMAGED', `${path} is bad: ${what}`, { hint: 'Use another backup.' })
}
