/** Grammars of hostile input: everything that the formats allow and we do not, mixed with what we do. */
import fc from 'fast-check'

const edges = [0, 1, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1]

/** The head of a CBOR item, in any of its forms, the wasteful ones included. */
function head(major: number, argument: number, form: number): Uint8Array {
  const top = major << 5
  const shortest = argument < 24 ? 0 : argument < 256 ? 1 : argument < 65_536 ? 2 : 3
  switch (Math.max(shortest, form)) {
    case 0:
      return Uint8Array.of(top | argument)
    case 1:
      return Uint8Array.of(top | 24, argument)
    case 2:
      return Uint8Array.of(top | 25, argument >> 8, argument & 0xff)
    case 3:
      return Uint8Array.of(top | 26, ...bigEndian(argument, 4))
    default:
      return Uint8Array.of(top | 27, ...bigEndian(argument, 8))
  }
}

function bigEndian(value: number, length: number): number[] {
  return Array.from({ length }, (_, index) => Math.floor(value / 256 ** (length - 1 - index)) % 256)
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

/** Mostly the shortest form: it is the only one that gets deep. */
const form = fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4)
const argument = fc.oneof(fc.nat(30), fc.constantFrom(...edges), fc.nat(2 ** 31 - 1))
const integer = fc.tuple(fc.constantFrom(0, 0, 0, 1), argument, form).map((parts) => head(...parts))
const string = fc
  .tuple(fc.constantFrom(2, 3), fc.uint8Array({ maxLength: 40 }), form)
  .map(([major, bytes, wide]) => join([head(major, bytes.length, wide), bytes]))
const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((value) => {
  const bytes = new Uint8Array(Buffer.from(value, 'utf8'))
  return join([head(3, bytes.length, 0), bytes])
})
const simple = fc.constantFrom(0xf4, 0xf5, 0xf6, 0xf4, 0xf5, 0xf6, 0xf7, 0xe0, 0xff).map((byte) => Uint8Array.of(byte))
const float = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => join([Uint8Array.of(0xfb), bytes]))
/** A length that is not there: byte strings, arrays and maps of what never comes. */
const bomb = fc.tuple(fc.constantFrom(2, 3, 4, 5), fc.constantFrom(...edges), form).map((parts) => head(...parts))

const { item } = fc.letrec<{ item: Uint8Array }>((tie) => {
  const items = fc.array(tie('item'), { maxLength: 5, depthIdentifier: 'cbor' })
  const array = fc.tuple(items, form).map(([parts, wide]) => join([head(4, parts.length, wide), ...parts]))
  const endless = fc
    .tuple(items, fc.constantFrom(0x9f, 0xbf, 0x5f, 0x7f))
    .map(([parts, begin]) => join([Uint8Array.of(begin), ...parts, Uint8Array.of(0xff)]))
  const map = fc
    .tuple(items, form)
    .map(([parts, wide]) => join([head(5, parts.length >> 1, wide), ...parts.slice(0, parts.length & ~1)]))
  const tagged = fc
    .tuple(fc.constantFrom(0, 2, 3, 27, 28, 29, 105, 258, 259, 57_344), tie('item'))
    .map(([tag, inner]) => join([head(6, tag, 0), inner]))
  return {
    item: fc.oneof(
      { maxDepth: 20, depthIdentifier: 'cbor' },
      { weight: 6, arbitrary: integer },
      { weight: 3, arbitrary: text },
      { weight: 3, arbitrary: string },
      { weight: 3, arbitrary: simple },
      { weight: 12, arbitrary: array },
      { weight: 1, arbitrary: endless },
      { weight: 1, arbitrary: map },
      { weight: 1, arbitrary: tagged },
      { weight: 1, arbitrary: float },
      { weight: 1, arbitrary: bomb },
    ),
  }
})
const deep = fc
  .tuple(fc.integer({ min: 1, max: 20_000 }), fc.constantFrom(0x81, 0x9f, 0xc1, 0xa1))
  .map(([depth, byte]) => new Uint8Array(depth).fill(byte))

export const hostileCbor: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 20, arbitrary: item },
  { weight: 1, arbitrary: deep },
  { weight: 1, arbitrary: fc.tuple(item, fc.uint8Array({ maxLength: 4 })).map(join) },
)

const words = fc.constantFrom(
  'compare',
  'then',
  'else',
  'put',
  'get',
  'delete',
  'key',
  'key64',
  'value',
  'value64',
  'start',
  'end',
  'prefix',
  'limit',
  'target',
  'op',
  'operand',
  '__proto__',
  'constructor',
)
const leaf = fc.oneof(
  words,
  fc.constantFrom('=', 'version', 'YQ==', '\ud800', '\0'),
  fc.string({ maxLength: 8 }),
  fc.constantFrom(0, -0, -1, 1.5, 2 ** 53, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER),
  fc.boolean(),
  fc.constant(null),
)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthIdentifier: 'json' },
    leaf,
    fc.array(tie('value'), { maxLength: 4, depthIdentifier: 'json' }),
    fc.dictionary(words, tie('value'), { maxKeys: 4 }),
  ),
}))

export const hostileJson: fc.Arbitrary<string> = fc.oneof(
  { weight: 10, arbitrary: value.map((each) => JSON.stringify(each) ?? '') },
  // Cut short, doubled, and nested beyond reason.
  { weight: 3, arbitrary: fc.tuple(value, fc.nat(60)).map(([each, at]) => JSON.stringify(each).slice(0, at)) },
  { weight: 1, arbitrary: fc.tuple(value, value).map(([a, b]) => JSON.stringify(a) + JSON.stringify(b)) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 50_000 }).map((depth) => '['.repeat(depth)) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 5000 }).map((depth) => '{"then":'.repeat(depth)) },
)

/** What someone may write where a setting belongs. */
export const hostileSetting: fc.Arbitrary<unknown> = fc.oneof(
  leaf,
  fc.constantFrom(
    '',
    ' ',
    '1e9',
    '0x10',
    '-1',
    '1MiB',
    '99999999999999999999',
    '127.0.0.1:0',
    'n1=',
    '=',
    ',',
    '\u0024{HOME}',
  ),
  fc.array(leaf, { maxLength: 3 }),
  fc.dictionary(fc.string({ maxLength: 5 }), leaf, { maxKeys: 3 }),
)
