/** Slicing-by-8 (Kounavis and Berry, 2005): table k, at k * 256, gives the effect of a byte that k zero bytes follow. */
const tables = new Int32Array(8 * 256)
for (let n = 0; n < 256; n++) {
  let c = n
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1
  tables[n] = c
}
for (let n = 256; n < tables.length; n++) {
  const shorter = at(n - 256)
  tables[n] = (shorter >>> 8) ^ at(shorter & 0xff)
}

/** CRC-32C (Castagnoli, RFC 3720 appendix B.4). Pass an earlier result as `seed` to go on from it. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  const byte = (i: number): number => bytes[i] as number
  let c = ~seed
  let i = 0
  for (const whole = bytes.length - 7; i < whole; i += 8) {
    c ^= byte(i) | (byte(i + 1) << 8) | (byte(i + 2) << 16) | (byte(i + 3) << 24)
    c =
      at(1792 + (c & 0xff)) ^
      at(1536 + ((c >>> 8) & 0xff)) ^
      at(1280 + ((c >>> 16) & 0xff)) ^
      at(1024 + (c >>> 24)) ^
      at(768 + byte(i + 4)) ^
      at(512 + byte(i + 5)) ^
      at(256 + byte(i + 6)) ^
      at(byte(i + 7))
  }
  for (; i < bytes.length; i++) c = at((c ^ byte(i)) & 0xff) ^ (c >>> 8)
  return ~c >>> 0
}

function at(index: number): number {
  return tables[index] as number
}
