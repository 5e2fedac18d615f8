import { metaKey, stopSignKey } from '../../machine/layout.ts'
import { decodeMeta, decodeStopSignRecord } from '../../machine/records.ts'
import { isMember } from '../../protocol/epoch.ts'
import { epochAfter } from '../../protocol/epoch-codec.ts'
import { firstGroup, type NodeId, toSlot } from '../../protocol/ids.ts'
import { mergeEpochs, type Survivor, survivorLog } from '../../protocol/recovery/survivor.ts'
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
  const saved = epochs(firstGroup)
  const logs = saved
    .filter((epoch) => isMember(epoch, id))
    .map((epoch) => survivorLog(epoch, load(firstGroup, epoch.number)))
  const meta = view.get(metaKey)
  const stop = view.get(stopSignKey)
  const { slot, payload } = stop === undefined ? { slot: 0, payload: new Uint8Array(0) } : decodeStopSignRecord(stop)
  const applied = stop === undefined ? undefined : epochAfter(toSlot(slot), payload)
  return {
    ...{ id, name, clusterId, diskId },
    appliedUpTo: toSlot(meta === undefined ? 0 : decodeMeta(meta).appliedUpTo),
    epochs: mergeEpochs(
      saved,
      logs.flatMap(({ begun }) => begun),
      applied === undefined ? [] : [applied],
    ),
    logs: logs.map(({ log }) => log),
    incarnations: incarnations(),
    met: metOf(met()),
  }
}

export function metOf(met: ReadonlyMap<NodeId, PeerIncarnation>): Survivor['met'] {
  return [...met].map(([node, { diskId, incarnation, incarnationId }]) => ({
    node,
    diskId,
    incarnation,
    incarnationId,
  }))
}
