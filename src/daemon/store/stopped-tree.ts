import type { Environment } from './environment.ts'
import { readJournal } from './journal-file.ts'
import { LayeredTree } from './layered-tree.ts'

/**
 * The acceptor's tree in a directory on which nothing runs, with what the journal has beyond LMDB. Changes nothing. Throws
 * PaxosError DATA_DIR_REFUSED.
 */
export async function readStoppedTree(directory: string, environment: Environment): Promise<LayeredTree> {
  const layer = await readJournal(directory, environment)
  return new LayeredTree(environment, () => [layer])
}
