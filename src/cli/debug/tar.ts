import { assert } from '../../base/assert.ts'

export interface TarFile {
  /** ASCII. What is below some slash may have 100 bytes, and what is above it 155. */
  readonly name: string
  readonly bytes: Uint8Array
}

const blockBytes = 512
const nameBytes = 100
const prefixBytes = 155

/** A tar archive (POSIX.1-1988, ustar) of plain files, for their owner only. `timeMs` since 1970. */
export function tarOf(files: readonly TarFile[], timeMs: number): Buffer {
  const blocks = files.flatMap(({ name, bytes }) => {
    const padding = (blockBytes - (bytes.length % blockBytes)) % blockBytes
    return [header(name, bytes.length, timeMs), bytes, Buffer.alloc(padding)]
  })
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)])
}

function header(name: string, size: number, timeMs: number): Buffer {
  const block = Buffer.alloc(blockBytes)
  const text = (at: number, value: string): void => void block.write(value, at, 'latin1')
  const octal = (at: number, digits: number, value: number): void => text(at, value.toString(8).padStart(digits, '0'))
  const [prefix, rest] = split(name)
  text(0, rest)
  octal(100, 7, 0o600)
  octal(108, 7, 0)
  octal(116, 7, 0)
  octal(124, 11, size)
  octal(136, 11, Math.floor(timeMs / 1000))
  text(148, ' '.repeat(8))
  text(156, '0')
  text(257, 'ustar\0')
  text(263, '00')
  text(345, prefix)
  // The sum is taken with its own field as spaces.
  octal(
    148,
    6,
    block.reduce((sum, byte) => sum + byte, 0),
  )
  text(154, '\0 ')
  return block
}

/** A name that is too long for its field goes on in another one, which ends before a slash. */
function split(name: string): readonly [prefix: string, rest: string] {
  assert(/^[\x21-\x7e]+$/.test(name), 'not a name for an archive: %s', JSON.stringify(name))
  if (name.length <= nameBytes) return ['', name]
  const at = name.indexOf('/', name.length - nameBytes - 1)
  assert(at > 0 && at <= prefixBytes, 'too long for an archive: %s', name)
  return [name.slice(0, at), name.slice(at + 1)]
}
