import type { NodeId } from '../../protocol/ids.ts'
import type { Survivor } from '../../protocol/recovery/survivor.ts'
import { storedSurvivor } from '../../runtime/stored-survivor.ts'
import type { PeerIncarnation } from '../net/admission.ts'
import { openDataDirectoryReadOnly, type ReadOnlyDirectory } from '../store/data-directory.ts'

/** What a recovery is planned from, of a stopped node. Writes nothing. Throws PaxosError DATA_DIR_REFUSED. */
export async function readDirectorySurvivor(path: string): Promise<Survivor> {
  const directory = await openDataDirectoryReadOnly({ path })
  try {
    return survivorOf(directory)
  } finally {
    await directory.close()
  }
}

export type SurvivorSource = Pick<ReadOnlyDirectory, 'identity' | 'view' | 'epochs' | 'load' | 'incarnations' | 'met'>

export function survivorOf({ identity, view, epochs, load, incarnations, met }: SurvivorSource): Survivor {
  const { nodeId: id, name, clusterId, diskId } = identity
  const stored = storedSurvivor(id, { loadEpochs: epochs, load }, view)
  return { id, name, clusterId, diskId, ...stored, incarnations: incarnations(), met: metOf(met()) }
}

export function metOf(met: ReadonlyMap<NodeId, PeerIncarnation>): Survivor['met'] {
  return [...met].map(([node, { diskId, incarnation, incarnationId }]) => ({
    node,
    diskId,
    incarnation,
    incarnationId,
  }))
}
