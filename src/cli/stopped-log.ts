import { type Slot, toSlot } from '../protocol/ids.ts'
import type { LogLine } from '../runtime/replica-service.ts'
import type { LogLineJson } from '../wire/api-types.ts'
import type { LogSource, OpenLog } from './open-logs.ts'

export interface SlotWindow {
  readonly from: number | undefined
  readonly to: number | undefined
}

/** The log of a stopped node, from its data directory. Writes nothing; refused while the node runs. */
export async function readStoppedLog(path: string, window: SlotWindow, values: boolean): Promise<LogLineJson[]> {
  const { openDataDirectoryReadOnly } = await import('../daemon/store/data-directory.ts')
  const directory = await openDataDirectoryReadOnly({ path })
  try {
    return await stoppedLogLines(directory, window, values)
  } finally {
    await directory.close()
  }
}

/** The same lines as the node would give if it ran: each slot once, from the log of its epoch. */
export async function stoppedLogLines(
  directory: LogSource,
  { from, to }: SlotWindow,
  values: boolean,
): Promise<LogLineJson[]> {
  const { openLogs } = await import('./open-logs.ts')
  const { logLineJson, truncatedLine } = await import('../daemon/api/log-line.ts')
  const logs = openLogs(directory)
  const [oldest, newest] = [logs[0], logs.at(-1)]
  if (oldest === undefined || newest === undefined) return []
  const end = Math.min(to ?? newest.log.votedUpTo, newest.log.votedUpTo)
  const start = from ?? defaultFrom(Math.min(end, newest.log.chosenUpTo))
  const truncated = Math.min(oldest.log.truncatedUpTo, end)
  const lines = logs.flatMap((log) => linesOf(log, start, end))
  return [
    ...(start < truncated ? [truncatedLine(start, truncated)] : []),
    ...lines.map((line) => logLineJson(line, values)),
  ]
}

function linesOf({ epoch, log, endSlot }: OpenLog, from: number, to: number): LogLine[] {
  const lines: LogLine[] = []
  const end = Math.min(to, endSlot ?? log.votedUpTo)
  for (let slot = Math.max(from, log.truncatedUpTo); slot < end; slot++) {
    lines.push(describe(toSlot(slot), epoch.number, log))
  }
  return lines
}

function describe(slot: Slot, epoch: LogLine['epoch'], log: OpenLog['log']): LogLine {
  const vote = log.vote(slot)
  if (vote === undefined) {
    const state = log.isUnknown(slot) ? 'unknown' : 'missing'
    return { slot, epoch, state, ballot: undefined, entry: undefined }
  }
  const state = slot < log.chosenUpTo || vote.chosen ? 'chosen' : 'voted'
  return { slot, epoch, state, ballot: vote.ballot, entry: vote.entry }
}

const lastSlots = 50

/** Without --from, the last fifty slots. */
export function defaultFrom(end: number): number {
  return Math.max(0, end - lastSlots)
}
