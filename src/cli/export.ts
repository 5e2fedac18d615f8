import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
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
  const output: Writable = target.path === undefined ? process.stdout : createWriteStream(target.path)
  // A file that cannot be opened shows itself in the first write.
  let failure: Error | undefined
  if (target.path !== undefined) output.on('error', (error) => (failure = error))
  let records = 0
  let bytes = 0
  let revision = 0
  try {
    for await (const page of scan(client, range)) {
      const lines = page.items.map((item) => formatRecord(item, target.format))
      const chunk = Buffer.concat(lines)
      records += lines.length
      bytes += chunk.length
      revision = range.revision ?? (revision || page.revision)
      if (chunk.length > 0 && !output.write(chunk)) await once(output, 'drain')
    }
    if (target.path !== undefined) {
      output.end()
      await finished(output)
    }
  } catch (error) {
    throw failure === undefined ? error : cannotWrite(target.path ?? 'standard output', failure)
  }
  return { records, bytes, revision }
}

function cannotWrite(path: string, cause: Error): PaxosError {
  return new PaxosError('USAGE', `Cannot write ${path}: ${cause.message}`, { cause })
}
