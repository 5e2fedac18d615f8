/** Damages bytes and values the way that finds the most: small changes at boundaries, lengths, kinds and cuts. */
import type { Random } from '../../src/base/random.ts'

const bytesMax = 16_384
const odd = [0, 1, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1f, 0x3b, 0x5b, 0x7f, 0x80, 0x9b, 0x9f, 0xbf, 0xc2, 0xf7, 0xfb, 0xff]

/** One to four changes of `sample`, sometimes a cross with `other`. Always new bytes. */
export function mutateBytes(random: Random, sample: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(sample)
  const changes = random.integer(1, 5)
  for (let change = 0; change < changes; change++) bytes = changeOnce(random, bytes, other)
  return bytes.length > bytesMax ? bytes.slice(0, bytesMax) : bytes
}

function changeOnce(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const at = random.integer(0, bytes.length + 1)
  const length = random.integer(0, Math.min(64, bytes.length - at) + 1)
  switch (random.integer(0, 9)) {
    case 0:
      return bytes.slice(0, at)
    case 1:
      return concat(bytes.subarray(0, at), noise(random, random.integer(1, 9)), bytes.subarray(at))
    case 2:
      return concat(bytes.subarray(0, at), bytes.subarray(at + length))
    case 3:
      return concat(bytes.subarray(0, at + length), bytes.subarray(at))
    case 4:
      return concat(bytes.subarray(0, at), other.subarray(random.integer(0, other.length + 1)))
    case 5:
      // A length or counter that promises far more than there is.
      return overwrite(bytes, at, [0xff, 0xff, 0xff, 0xff].slice(0, random.integer(1, 5)))
    case 6:
      return overwrite(bytes, at, [odd[random.integer(0, odd.length)] ?? 0])
    default:
      return overwrite(bytes, at, [(bytes[at] ?? 0) ^ (1 << random.integer(0, 8))])
  }
}

function noise(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () =>
    random.chance(0.5) ? (odd[random.integer(0, odd.length)] ?? 0) : random.integer(0, 256),
  )
}

function overwrite(bytes: Uint8Array, at: number, by: readonly number[]): Uint8Array {
  for (const [index, byte] of by.entries()) if (at + index < bytes.length) bytes[at + index] = byte
  return bytes
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** What travels as CBOR: the values that our decoder makes. */
export type Tree = number | string | boolean | null | Uint8Array | readonly Tree[]

const oddNumbers = [0, 1, 23, 24, 255, 256, 65_535, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]

/** One node of the tree replaced, dropped, doubled or wrapped: still good CBOR, no longer what the schema wants. */
export function mutateTree(random: Random, tree: Tree): Tree {
  if (!Array.isArray(tree) || tree.length === 0 || random.chance(0.15)) return oddTree(random, tree)
  const list: readonly Tree[] = tree
  const at = random.integer(0, list.length)
  const chosen = list[at] ?? null
  const draw = random.next()
  if (draw < 0.08) return list.toSpliced(at, 1)
  if (draw < 0.14) return list.toSpliced(at, 0, chosen)
  if (draw < 0.17) return [...list, ...list]
  return list.toSpliced(at, 1, mutateTree(random, chosen))
}

function oddTree(random: Random, tree: Tree): Tree {
  const number = oddNumbers[random.integer(0, oddNumbers.length)] ?? 0
  switch (random.integer(0, 8)) {
    case 0:
      return null
    case 1:
      return random.chance(0.5)
    case 2:
      return (
        ['', 'x'.repeat(random.integer(1, 2000)), '__proto__', 'constructor', '\ud7ff\0\u202e'][random.integer(0, 5)] ??
        ''
      )
    case 3:
      return new Uint8Array(random.integer(0, 70))
    case 4:
      return [tree]
    case 5:
      return []
    case 6:
      return typeof tree === 'number' ? Math.max(0, tree - 1) : number
    default:
      return typeof tree === 'number' ? Math.min(tree + 1, Number.MAX_SAFE_INTEGER) : number
  }
}
