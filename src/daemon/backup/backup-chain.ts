/** A full backup and the increments that continue it, each the one before. */
import { PaxosError } from '../../base/error.ts'
import type { FileManifest } from '../../wire/increment-manifest.ts'
import {
  type CheckedBackup,
  type CheckedFile,
  type CheckedIncrement,
  checkFile,
  isCheckedIncrement,
} from './backup-file.ts'
import { backupId } from './backup-id.ts'

export interface BackupChain {
  readonly base: CheckedBackup
  readonly increments: readonly CheckedIncrement[]
  /** Of the last file. */
  readonly end: FileManifest
}

/**
 * Reads all of every file, and sees that each continues the one before. Throws PaxosError USAGE saying what is missing,
 * BACKUP_DAMAGED, BACKUP_REFUSED, WRONG_CLUSTER.
 */
export async function checkChain(paths: readonly string[]): Promise<BackupChain> {
  const [first, ...others] = paths
  if (first === undefined) throw new PaxosError('USAGE', 'No backup is named')
  const base = await checkFile(first)
  if (isCheckedIncrement(base)) {
    throw new PaxosError(
      'USAGE',
      `${first} is an increment: it continues a backup that ends at slot ${base.manifest.from}`,
      {
        hint: `Name the full backup first, then every increment in order. It continues the one with id ${base.manifest.base}.`,
      },
    )
  }
  const increments: CheckedIncrement[] = []
  let last: CheckedFile = base
  for (const path of others) {
    const next = await checkFile(path)
    if (!isCheckedIncrement(next)) {
      throw new PaxosError('USAGE', `${path} is a full backup, and so is ${first}`, {
        hint: 'Name one full backup, and the increments that continue it.',
      })
    }
    checkLink(last, next)
    increments.push(next)
    last = next
  }
  return { base, increments, end: last.manifest }
}

function checkLink(last: CheckedFile, { path, manifest }: CheckedIncrement): void {
  const { clusterId, applied } = last.manifest
  const { from, base } = manifest
  if (manifest.clusterId !== clusterId) {
    throw new PaxosError(
      'WRONG_CLUSTER',
      `${path} is of cluster ${manifest.clusterId}, and ${last.path} of ${clusterId}`,
      {
        hint: 'Name files of one cluster. A restored cluster is another one.',
      },
    )
  }
  if (from > applied) {
    throw new PaxosError('USAGE', `Slots ${applied} to ${from - 1} are missing between ${last.path} and ${path}`, {
      hint: `Name the increments between them. ${path} continues the one with id ${base}.`,
    })
  }
  if (from < applied) {
    throw new PaxosError('USAGE', `${path} begins at slot ${from}, and ${last.path} has everything below ${applied}`, {
      hint: 'Name each increment once, in the order in which they were made.',
    })
  }
  if (base === backupId(last.manifest)) return
  throw new PaxosError('USAGE', `${path} continues another backup than ${last.path}`, {
    hint: `It continues the one with id ${base}; this one has ${backupId(last.manifest)}.`,
  })
}
