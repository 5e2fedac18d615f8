import { join } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { type Environment, reasonOf } from './environment.ts'
import type { FailStop } from './fail-stop.ts'
import { Journal } from './journal.ts'
import { encodeMark } from './journal-codec.ts'
import { journalFile } from './journal-file.ts'
import { journalLimits } from './journal-limits.ts'
import { JournaledTree } from './journaled-tree.ts'
import { journalKey } from './keys.ts'
import type { LayeredTree } from './layered-tree.ts'
import { queueWrites } from './queue-writes.ts'
import { encodeRecord } from './record.ts'
import { settled } from './settled.ts'

export interface JournaledTreeSetup {
  readonly environment: Environment
  /** Of `readStoppedTree`. */
  readonly stopped: LayeredTree
  readonly failStop: FailStop
  /** As of the limit of this name, if it is to be another. */
  readonly foldMs?: number
}

/**
 * Takes over what the journal of a directory held, and begins it anew. Its file must be there. Throws PaxosError
 * STORE_FAILED; the environment stays open.
 */
export async function openJournaledTree(
  directory: string,
  { environment, stopped, failStop, foldMs = journalLimits.foldMs }: JournaledTreeSetup,
): Promise<JournaledTree> {
  const journal = await Journal.open(join(directory, journalFile)).catch((cause: unknown) => {
    throw new PaxosError('STORE_FAILED', `Cannot open ${journalFile} in ${directory}: ${reasonOf(cause)}`, {
      hint: 'Check disk and file system, then start the node again. Nothing is lost.',
      cause,
    })
  })
  try {
    const mark = encodeRecord(journalKey, encodeMark(journal.markAt(journal.end)))
    const held = stopped.layers.flatMap((layer) => [...layer.writes.values()])
    // One transaction: what the file held is of no use from the moment on at which LMDB has it.
    const begun = queueWrites(environment, [...held, { key: journalKey, value: mark }])
    await settled((done) => failStop.track('acceptor.mdb', begun, done))
    return new JournaledTree({ environment, journal, failStop, foldMs })
  } catch (error) {
    await journal.close()
    throw error
  }
}
