import { promisify } from 'node:util'
import { zstdCompress } from 'node:zlib'
import type { StateSnapshot } from '../../runtime/ports.ts'
import { backupFormat, encodeBackupHeader, encodeChunk, encodeEntries } from '../../wire/backup-codec.ts'
import { type BackupManifest, type BackupOrigin, encodeManifest } from '../../wire/backup-manifest.ts'
import { ContentTally } from './content-tally.ts'

const compress = promisify(zstdCompress)

/**
 * The frames of a backup of a snapshot. One chunk is read, counted and compressed at a time, when the last one was taken:
 * a slow reader costs no memory. What they add up to is returned. Throws PaxosError NOT_FOUND when the snapshot is closed meanwhile.
 */
export async function* backupFrames(
  snapshot: StateSnapshot,
  origin: Omit<BackupOrigin, 'format'>,
  chunkBytes: number,
): AsyncGenerator<Uint8Array, BackupManifest, undefined> {
  yield encodeBackupHeader(origin.program)
  const tally = new ContentTally()
  let after: string | undefined
  for (;;) {
    const { entries, done } = snapshot.page(after, chunkBytes)
    after = entries.at(-1)?.[0] ?? after
    if (entries.length > 0) {
      const chunk = encodeEntries(entries)
      const index = tally.chunks
      tally.add(chunk)
      yield encodeChunk(index, chunk.length, await compress(chunk))
    }
    if (done) break
  }
  const manifest = { format: backupFormat, ...origin, ...tally.content() }
  yield encodeManifest(manifest)
  return manifest
}
