import { PaxosError } from '../base/error.ts'
import { preview, textOrBase64 } from './output.ts'
import type { KeyValueRecord } from './record.ts'

export type ExportFormat = 'ndjson' | 'tsv' | 'values'

const newline = Buffer.from('\n')
const tab = Buffer.from('\t')

/** One line, with its newline. Throws PaxosError BAD_REQUEST for a record that the format cannot hold. */
export function formatRecord(record: KeyValueRecord, format: ExportFormat): Uint8Array {
  switch (format) {
    case 'ndjson':
      return Buffer.from(
        `${JSON.stringify({ ...textOrBase64('key', record.key), ...textOrBase64('value', record.value) })}\n`,
      )
    case 'tsv':
      refuseBytes(record, record.key, [9, 10], 'key')
      refuseBytes(record, record.value, [10], 'value')
      return Buffer.concat([record.key, tab, record.value, newline])
    case 'values':
      refuseBytes(record, record.value, [10], 'value')
      return Buffer.concat([record.value, newline])
  }
}

function refuseBytes(record: KeyValueRecord, bytes: Uint8Array, refused: readonly number[], part: string): void {
  const found = refused.find((byte) => bytes.includes(byte))
  if (found === undefined) return
  throw new PaxosError(
    'BAD_REQUEST',
    `The ${part} of "${preview(record.key, 60)}" has a ${found === 9 ? 'tab' : 'newline'}, which this format cannot hold`,
    { hint: 'Use --format ndjson, which keeps any bytes.' },
  )
}
