import { promisify } from 'node:util'
import { zstdCompress } from 'node:zlib'
import { toSlot } from '../../protocol/ids.ts'
import { encodeBackupHeader, encodeChunk, encodeEntries, incrementFormat } from '../../wire/backup-codec.ts'
import type { BackupOrigin } from '../../wire/backup-manifest.ts'
import { incrementEntry } from '../../wire/increment-codec.ts'
import {
  encodeIncrementManifest,
  type IncrementEnd,
  type IncrementManifest,
  type IncrementStart,
} from '../../wire/increment-manifest.ts'
import type { ChosenLog } from './chosen-log.ts'
import { IncrementTally } from './increment-tally.ts'

const compress = promisify(zstdCompress)

/**
 * The frames of an increment: everything chosen from its start to its end. One chunk is read and compressed at a time, when
 * the last one was taken. Throws PaxosError COMPACTED when the log is cut meanwhile, STORE_FAILED.
 */
export async function* incrementFrames(
  log: Pick<ChosenLog, 'page'>,
  origin: Omit<BackupOrigin, 'format'>,
  start: IncrementStart,
  end: IncrementEnd,
  chunkBytes: number,
): AsyncGenerator<Uint8Array, IncrementManifest, undefined> {
  yield encodeBackupHeader(origin.program, incrementFormat)
  const tally = new IncrementTally()
  const to = toSlot(end.applied)
  for (let at = toSlot(start.from); at < to; ) {
    const page = await log.page({ from: at, to }, chunkBytes)
    const chunk = encodeEntries(page.map(incrementEntry))
    const index = tally.chunks
    tally.add(chunk)
    at = tally.range?.upTo ?? at
    yield encodeChunk(index, chunk.length, await compress(chunk))
  }
  const manifest = { format: incrementFormat, ...origin, ...start, ...end, ...tally.content() }
  yield encodeIncrementManifest(manifest)
  return manifest
}
