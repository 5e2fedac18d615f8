import { toEpochNumber } from '../protocol/ids.ts'
import type { LogLine } from '../runtime/replica-service.ts'
import type { LogLineJson } from '../wire/api-types.ts'
import { defaultFrom, type SlotWindow } from './stopped-log.ts'

/** The log that an increment of a backup holds: to find the slot or the time to restore to. Throws like `checkFile`. */
export async function readIncrementLog(path: string, window: SlotWindow, values: boolean): Promise<LogLineJson[]> {
  const { checkIncrement, readChunks } = await import('../daemon/backup/backup-file.ts')
  const { logLineJson } = await import('../daemon/api/log-line.ts')
  const { decodeIncrement } = await import('../wire/increment-codec.ts')
  const increment = await checkIncrement(path)
  const { applied, epoch, stopSigns } = increment.manifest
  const to = window.to ?? applied
  const from = window.from ?? defaultFrom(Math.min(to, applied))
  const lines: LogLineJson[] = []
  // Each stop sign ends an epoch, and after the last one comes the one that the manifest names.
  let number = epoch - stopSigns
  await readChunks(increment, async (chunk) => {
    for (const { slot, entry } of decodeIncrement(chunk)) {
      const line: LogLine = {
        slot,
        epoch: toEpochNumber(Math.max(1, number)),
        state: 'chosen',
        ballot: undefined,
        entry,
      }
      if (slot >= from && slot < to) lines.push(logLineJson(line, values))
      if (entry.kind === 'stopSign') number++
    }
  })
  return lines
}
