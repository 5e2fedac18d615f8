import type { ReadOnlyDirectory } from '../daemon/store/data-directory.ts'
import { type Epoch, isMember } from '../protocol/epoch.ts'
import { firstGroup, type Slot } from '../protocol/ids.ts'
import { loadLog } from '../protocol/multipaxos/acceptor-state.ts'
import type { SlotLog } from '../protocol/slot-log.ts'

/** The log of one epoch, as the node would load it when it starts. */
export interface OpenLog {
  readonly epoch: Epoch
  readonly log: SlotLog
  /** Where the next log begins; undefined for the newest. */
  readonly endSlot: Slot | undefined
}

export type LogSource = Pick<ReadOnlyDirectory, 'identity' | 'epochs' | 'load'>

/** The logs that a stopped node has not closed, rising: what comes before the first of them is truncated as a whole. */
export function openLogs(directory: LogSource): readonly OpenLog[] {
  const epochs = directory.epochs(firstGroup).filter((epoch) => isMember(epoch, directory.identity.nodeId))
  const logs = epochs.map((epoch, index) => ({
    epoch,
    log: loadLog(directory.load(firstGroup, epoch.number), epoch.startSlot),
    endSlot: epochs[index + 1]?.startSlot,
  }))
  return logs.filter(({ log, endSlot }) => endSlot === undefined || log.truncatedUpTo < endSlot)
}
