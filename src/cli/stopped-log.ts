import { type EpochNumber, firstGroup, toSlot } from '../protocol/ids.ts'
import type { Vote } from '../protocol/multipaxos/message.ts'
import type { LogLine } from '../runtime/replica-service.ts'
import type { LogLineJson } from '../wire/api-types.ts'

export interface SlotWindow {
  readonly from: number | undefined
  readonly to: number | undefined
}

/** The log of a stopped node, from its data directory. Writes nothing; refused while the node runs. */
export async function readStoppedLog(path: string, window: SlotWindow, values: boolean): Promise<LogLineJson[]> {
  const { openDataDirectoryReadOnly } = await import('../daemon/store/data-directory.ts')
  const { logLineJson } = await import('../daemon/api/log-line.ts')
  const directory = await openDataDirectoryReadOnly({ path })
  try {
    return directory.epochs(firstGroup).flatMap((epoch) => {
      const { votes, unknown, truncatedUpTo, chosenUpTo } = directory.load(firstGroup, epoch.number)
      const bySlot = new Map<number, Vote>(votes.map((vote) => [vote.slot, vote]))
      const unreadable = new Set<number>(unknown)
      const end = Math.max(chosenUpTo, ...[...bySlot.keys(), ...unreadable].map((slot) => slot + 1))
      const from = Math.max(window.from ?? defaultFrom(end), 0)
      const lines: LogLineJson[] = []
      if (from < truncatedUpTo) {
        const upTo = Math.min(truncatedUpTo, window.to ?? truncatedUpTo)
        lines.push({ slot: from, upTo, epoch: epoch.number, state: 'truncated', ballot: null, kind: null })
      }
      for (let slot = Math.max(from, truncatedUpTo); slot < Math.min(end, window.to ?? end); slot++) {
        const line = describe(slot, epoch.number, bySlot.get(slot), unreadable.has(slot), chosenUpTo)
        lines.push(logLineJson(line, values))
      }
      return lines
    })
  } finally {
    await directory.close()
  }
}

function describe(
  slot: number,
  epoch: EpochNumber,
  vote: Vote | undefined,
  isUnknown: boolean,
  chosenUpTo: number,
): LogLine {
  if (isUnknown) return { slot: toSlot(slot), epoch, state: 'unknown', ballot: undefined, entry: undefined }
  if (vote === undefined) return { slot: toSlot(slot), epoch, state: 'missing', ballot: undefined, entry: undefined }
  const state = slot < chosenUpTo || vote.chosen ? 'chosen' : 'voted'
  return { slot: toSlot(slot), epoch, state, ballot: vote.ballot, entry: vote.entry }
}

const lastSlots = 50

/** Without --from, the last fifty slots. */
export function defaultFrom(end: number): number {
  return Math.max(0, end - lastSlots)
}
