import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { PaxosError } from '../base/error.ts'
import { type ExportFormat, formatRecord } from './record-writer.ts'
import { type Lister, type ScanItem, type ScanOptions, scan } from './scan.ts'

export interface ExportSummary {
  readonly records: number
  readonly bytes: number
  readonly revision: number
}

/** Writes a range to a file, or to stdout without a path. Waits for a slow reader. */
export async function exportRecords(
  client: Lister<ScanItem>,
  range: ScanOptions,
  target: { readonly format: ExportFormat; readonly path: string | undefined },
): Promise<ExportSummary> {
  const { format, path } = target
  // Opened first: a path that cannot be written is told before anything is read.
  const file = path === undefined ? undefined : await open(path, 'w').catch((error) => cannotWrite(path, error))
  let records = 0
  let bytes = 0
  let revision = 0
  try {
    for await (const page of scan(client, range)) {
      const lines = page.items.map((item) => formatRecord(item, format))
      const chunk = Buffer.concat(lines)
      records += lines.length
      bytes += chunk.length
      revision = range.revision ?? (revision || page.revision)
      if (path === undefined || file === undefined) await writeToStdout(chunk)
      else await file.writeFile(chunk).catch((error) => cannotWrite(path, error))
    }
  } finally {
    await file?.close()
  }
  return { records, bytes, revision }
}

async function writeToStdout(chunk: Uint8Array): Promise<void> {
  if (chunk.length > 0 && !process.stdout.write(chunk)) await once(process.stdout, 'drain')
}

function cannotWrite(path: string, cause: Error): never {
  throw new PaxosError('USAGE', `Cannot write ${path}: ${cause.message}`, { cause })
}
