import { type ByteReader, BytesError, type ByteWriter } from '../base/bytes.ts'
import { keyBytesMax, rangeBoundBytesMax } from './bounds.ts'
import type { Key, KeyRange } from './request.ts'

export function readKey(reader: ByteReader): Key {
  const text = reader.binary()
  if (text.length === 0) throw new BytesError('empty key')
  if (text.length > keyBytesMax) throw new BytesError(`key of ${text.length} bytes`)
  return text as Key
}

export function writeRange(writer: ByteWriter, { start, end }: KeyRange): void {
  writer.binary(start)
  if (end === undefined) writer.u8(0)
  else writer.u8(1).binary(end)
}

/** Never empty and never upside down. */
export function readRange(reader: ByteReader): KeyRange {
  const start = readBound(reader)
  const flag = reader.u8()
  if (flag > 1) throw new BytesError(`no such flag: ${flag}`)
  const end = flag === 1 ? readBound(reader) : undefined
  if (end !== undefined && end <= start) throw new BytesError('range ends at or before its start')
  return { start, end }
}

function readBound(reader: ByteReader): string {
  const text = reader.binary()
  if (text.length > rangeBoundBytesMax) throw new BytesError(`range bound of ${text.length} bytes`)
  return text
}
