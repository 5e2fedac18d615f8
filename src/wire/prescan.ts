import { badFrame } from './frame-error.ts'

export interface PrescanLimits {
  /** Arrays within arrays. */
  readonly depthMax?: number
  /** Data items in all, arrays counted too. */
  readonly itemsMax?: number
}

const depthCeiling = 64
/** Items still wanted at each depth. One for all calls: a scan runs to its end before another can begin. */
const wanted = new Float64Array(depthCeiling + 1)
let at = 0

/**
 * Accepts the part of CBOR (RFC 8949) that we send, and nothing else: integers, byte strings, text, arrays, false, true
 * and null. Lengths are definite, integers are in their shortest form and within 2^53 - 1, text is valid UTF-8, and
 * nothing follows. No floats, maps, tags or undefined. So what a decoder makes of these bytes is bounded and plain:
 * no bignums, dates, classes, cycles, records or duplicate keys. Allocates nothing. Throws PaxosError BAD_FRAME.
 */
export function prescan(bytes: Uint8Array, limits: PrescanLimits = {}): void {
  const depthMax = Math.min(limits.depthMax ?? 16, depthCeiling)
  const itemsMax = limits.itemsMax ?? 65_536
  let depth = 0
  let items = 0
  at = 0
  wanted[0] = 1
  for (;;) {
    while (wanted[depth] === 0) {
      if (depth > 0) {
        depth--
        continue
      }
      if (at !== bytes.length) throw badFrame('bytes follow the value')
      return
    }
    wanted[depth] = (wanted[depth] as number) - 1
    if (++items > itemsMax) throw badFrame(`more than ${itemsMax} items`)
    const length = scanItem(bytes)
    if (length < 0) continue
    // Each item takes a byte at least, so a length beyond what is left is a lie.
    if (length > bytes.length - at) throw badFrame('an array is longer than the frame')
    if (++depth > depthMax) throw badFrame(`arrays nested deeper than ${depthMax}`)
    wanted[depth] = length
  }
}

const notAnArray = -1

/** Passes one item. Returns the number of items that follow as its content when it is an array. */
function scanItem(bytes: Uint8Array): number {
  if (at >= bytes.length) throw badFrame('the value ends early')
  const head = bytes[at++] as number
  const info = head & 0x1f
  switch (head >> 5) {
    case 0:
      scanArgument(bytes, info)
      return notAnArray
    case 1:
      // -1 - n: one less, so that the value itself is a safe integer.
      if (scanArgument(bytes, info) === Number.MAX_SAFE_INTEGER) throw badFrame('an integer is below -(2^53 - 1)')
      return notAnArray
    case 2:
      scanContent(bytes, info)
      return notAnArray
    case 3: {
      const length = scanContent(bytes, info)
      checkUtf8(bytes, at - length, at)
      return notAnArray
    }
    case 4:
      return scanArgument(bytes, info)
    case 5:
      throw badFrame('maps are not allowed')
    case 6:
      throw badFrame('tags are not allowed')
    default:
      // 20 false, 21 true, 22 null.
      if (info < 20 || info > 22) throw badFrame('only false, true and null are allowed as simple values')
      return notAnArray
  }
}

function scanContent(bytes: Uint8Array, info: number): number {
  const length = scanArgument(bytes, info)
  if (length > bytes.length - at) throw badFrame('a string is longer than the frame')
  at += length
  return length
}

function scanArgument(bytes: Uint8Array, info: number): number {
  if (info < 24) return info
  if (info > 27) throw badFrame('lengths must be definite')
  const size = 1 << (info - 24)
  if (size > bytes.length - at) throw badFrame('the value ends early')
  let value = 0
  for (let i = 0; i < size; i++) value = value * 256 + (bytes[at++] as number)
  if (value < shortest(size)) throw badFrame('an integer is not in its shortest form')
  if (value > Number.MAX_SAFE_INTEGER) throw badFrame('an integer is above 2^53 - 1')
  return value
}

/** The least value that needs an argument of this size. */
function shortest(size: number): number {
  if (size === 1) return 24
  if (size === 2) return 0x100
  return size === 4 ? 0x10000 : 0x100000000
}

/** Well-formed UTF-8 by table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF. */
function checkUtf8(bytes: Uint8Array, from: number, to: number): void {
  let i = from
  while (i < to) {
    const lead = bytes[i++] as number
    if (lead < 0x80) continue
    const tail = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0
    if (tail === 0 || tail > to - i) throw badFrame('text is not valid UTF-8')
    const second = bytes[i] as number
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    if (second < low || second > high) throw badFrame('text is not valid UTF-8')
    for (let k = 1; k < tail; k++) {
      if (((bytes[i + k] as number) & 0xc0) !== 0x80) throw badFrame('text is not valid UTF-8')
    }
    i += tail
  }
}
