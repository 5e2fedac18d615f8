import { join } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { type Environment, reasonOf } from './environment.ts'
import type { FailStop } from './fail-stop.ts'
import { Journal } from './journal.ts'
import { encodeMark } from './journal-codec.ts'
import { ensureJournalFile, journalFile } from './journal-file.ts'
import { journalLimits } from './journal-limits.ts'
import { JournaledTree } from './journaled-tree.ts'
import { journalKey } from './keys.ts'
import { encodeRecord } from './record.ts'
import type { TreeLayer } from './tree-layer.ts'

export interface JournaledTreeSetup {
  readonly environment: Environment
  /** Of `readJournal`. */
  readonly layer: TreeLayer
  readonly failStop: FailStop
  /** As of the limit of this name, if it is to be another. */
  readonly foldMs?: number
}

/**
 * Takes over what the journal of a directory held, and begins it anew. Throws PaxosError STORE_FAILED.
 */
export async function openJournaledTree(
  directory: string,
  { environment, layer, failStop, foldMs = journalLimits.foldMs }: JournaledTreeSetup,
): Promise<JournaledTree> {
  try {
    // Before the journal can be replaced: what is in it is in LMDB then.
    await Promise.all(
      [...layer.writes.values()].map(({ key, value }) =>
        value === undefined ? environment.remove(key) : environment.put(key, value),
      ),
    )
    await ensureJournalFile(directory)
    const journal = await Journal.open(join(directory, journalFile))
    const mark = encodeMark(journal.markAt(journal.end))
    await environment.put(journalKey, encodeRecord(journalKey, mark))
    return new JournaledTree({ environment, journal, failStop, foldMs })
  } catch (cause) {
    throw new PaxosError('STORE_FAILED', `Cannot begin the journal in ${directory}: ${reasonOf(cause)}`, {
      hint: 'Check disk and file system, then start the node again. Nothing is lost.',
      cause,
    })
  }
}
