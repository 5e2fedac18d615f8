import { stopSignKey } from '../machine/layout.ts'
import { decodeStopSignRecord, metaOf } from '../machine/records.ts'
import type { ReadView } from '../machine/view.ts'
import { isMember } from '../protocol/epoch.ts'
import { epochAfter } from '../protocol/epoch-codec.ts'
import { firstGroup, type NodeId, toSlot } from '../protocol/ids.ts'
import { mergeEpochs, type Survivor, survivorLog } from '../protocol/recovery/survivor.ts'
import type { AcceptorStore } from './ports.ts'

/** What the disks of a stopped node hold that a recovery is planned from. */
export function storedSurvivor(
  self: NodeId,
  store: Pick<AcceptorStore, 'loadEpochs' | 'load'>,
  view: Pick<ReadView, 'get'>,
): Pick<Survivor, 'appliedUpTo' | 'epochs' | 'logs'> {
  const saved = store.loadEpochs(firstGroup)
  const logs = saved
    .filter((epoch) => isMember(epoch, self))
    .map((epoch) => survivorLog(epoch, store.load(firstGroup, epoch.number)))
  const stop = view.get(stopSignKey)
  const { slot, payload } = stop === undefined ? { slot: 0, payload: new Uint8Array(0) } : decodeStopSignRecord(stop)
  const applied = stop === undefined ? undefined : epochAfter(toSlot(slot), payload)
  return {
    appliedUpTo: toSlot(metaOf(view).appliedUpTo),
    epochs: mergeEpochs(
      saved,
      logs.flatMap(({ begun }) => begun),
      applied === undefined ? [] : [applied],
    ),
    logs: logs.map(({ log }) => log),
  }
}
