import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PaxosError } from '../base/error.ts'
import { prescan } from './prescan.ts'

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
}

function refuses(bytes: Uint8Array, words: RegExp, limits = {}): void {
  assert.throws(
    () => prescan(bytes, limits),
    (error) => error instanceof PaxosError && error.code === 'BAD_FRAME' && words.test(error.message),
    Buffer.from(bytes.subarray(0, 16)).toString('hex'),
  )
}

test('what we send passes', () => {
  for (const text of [
    '00',
    '17',
    '1818',
    '190100',
    '1a00010000',
    '1b0000000100000000',
    '1b001fffffffffffff',
    '20',
    '3b001ffffffffffffe',
    '40',
    '43010203',
    '60',
    '6161',
    '62c3a9',
    '63e282ac',
    '64f09f9880',
    'f4',
    'f5',
    'f6',
    '80',
    '83 01 82 02 03 80',
  ]) {
    assert.doesNotThrow(() => prescan(hex(text)), text)
  }
})

test('an integer must be in its shortest form', () => {
  for (const text of ['1817', '1900ff', '1a0000ffff', '1b00000000ffffffff', '3817', '5801aa', '7801 61', '9800']) {
    refuses(hex(text), /shortest/)
  }
})

test('an integer must be within 2^53 - 1', () => {
  refuses(hex('1b0020000000000000'), /above/)
  refuses(hex('1bffffffffffffffff'), /above/)
  refuses(hex('3b001fffffffffffff'), /below/)
})

test('lengths must be definite', () => {
  for (const text of ['9f01ff', '5f4101ff', '7f6161ff', 'bfff', '1c', '1f']) refuses(hex(text), /definite|maps/)
})

test('maps, tags, floats, undefined and breaks are refused', () => {
  refuses(hex('a0'), /maps/)
  refuses(hex('c249ffffffffffffffffff'), /tags/)
  refuses(hex('d9dfff8101'), /tags/)
  for (const text of ['f90000', 'fa00000000', 'fb0000000000000000', 'f7', 'ff', 'f800', 'e0']) {
    refuses(hex(text), /simple values/)
  }
})

test('text must be valid UTF-8', () => {
  for (const text of [
    '6180', // a lone continuation byte
    '61c3', // cut short by the string's end
    '62c080', // overlong
    '63e08080', // overlong
    '63eda080', // a surrogate
    '64f4908080', // above U+10FFFF
    '64f0808080', // overlong
    '61ff',
    '62c341',
    '63e28241',
  ]) {
    refuses(hex(text), /UTF-8/)
  }
})

test('exactly one value, whole', () => {
  refuses(hex(''), /ends early/)
  refuses(hex('0000'), /follow/)
  refuses(hex('820001 00'), /follow/)
  refuses(hex('19 01'), /ends early/)
  refuses(hex('4401'), /longer than the frame/)
  refuses(hex('8201'), /longer than the frame/)
})

test('a huge declared length costs nothing', () => {
  refuses(hex('9b001fffffffffffff'), /longer than the frame/)
  refuses(hex('5affffffff'), /longer than the frame/)
})

test('depth and item limits hold exactly', () => {
  const nested = (depth: number) => new Uint8Array([...new Array<number>(depth).fill(0x81), 0])
  assert.doesNotThrow(() => prescan(nested(16)))
  refuses(nested(17), /deeper than 16/)
  refuses(nested(100_000), /deeper than 16/)
  const flat = (length: number) => hex(`98${length.toString(16)}${'00'.repeat(length)}`)
  assert.doesNotThrow(() => prescan(flat(99), { itemsMax: 100 }))
  refuses(flat(100), /more than 100 items/, { itemsMax: 100 })
})

test('UTF-8 is judged as the platform judges it', () => {
  const judge = new TextDecoder('utf-8', { fatal: true })
  const accepts = (run: () => void): boolean => {
    try {
      run()
      return true
    } catch {
      return false
    }
  }
  const nearText = fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    fc.tuple(fc.string({ unit: 'binary', maxLength: 4 }), fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
      const bytes = new TextEncoder().encode(text)
      if (bytes.length > 0) bytes[at % bytes.length] = byte
      return bytes
    }),
  )
  const property = fc.property(nearText, (text) => {
    fc.pre(text.length < 24)
    const ours = accepts(() => prescan(new Uint8Array([0x60 | text.length, ...text])))
    assert.equal(
      ours,
      accepts(() => judge.decode(text)),
    )
  })
  fc.assert(property, { numRuns: 1000 })
})
