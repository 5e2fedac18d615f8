import { isUtf8 } from 'node:buffer'
import { fromBinary } from '../../base/bytes.ts'
import type { Item } from '../../machine/request.ts'

type Fields = Record<string, unknown>

/** `{name: text}` when the bytes are valid UTF-8, `{name64: base64}` otherwise. */
export function textOrBase64(name: string, bytes: Uint8Array): Fields {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return isUtf8(buffer) ? { [name]: buffer.toString('utf8') } : { [`${name}64`]: buffer.toString('base64') }
}

export function binaryField(name: string, binary: string): Fields {
  return textOrBase64(name, fromBinary(binary))
}

export function itemJson(item: Item, keysOnly: boolean): Fields {
  return {
    ...binaryField('key', item.key),
    ...(keysOnly ? {} : textOrBase64('value', item.value)),
    createRevision: item.createRevision,
    modRevision: item.modRevision,
    version: item.version,
  }
}
