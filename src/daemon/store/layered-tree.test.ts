import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../base/random.ts'
import { LayeredTree } from './layered-tree.ts'
import type { RecordTree } from './record-tree.ts'
import { TreeLayer } from './tree-layer.ts'

const names = Array.from({ length: 12 }, (_, n) => String.fromCharCode(97 + n))

function pick(random: Random): string {
  return names[random.integer(0, names.length)] ?? 'z'
}

function treeOf(records: ReadonlyMap<string, string>): RecordTree {
  const range: RecordTree['getRange'] = ({ start, end }) =>
    [...records]
      .map(([name, value]) => ({ key: Buffer.from(name), value: Buffer.from(value) }))
      .filter(({ key }) => Buffer.compare(start, key) <= 0 && Buffer.compare(key, end) < 0)
      .sort((a, b) => Buffer.compare(a.key, b.key))
  return {
    get: (key) =>
      range({ start: key, end: Buffer.concat([key, Buffer.of(0)]) })
        [Symbol.iterator]()
        .next().value?.value,
    getRange: range,
    getKeys: (bounds) => [...range(bounds)].map(({ key }) => key),
  }
}

test('keys are read without values', () => {
  const noValues = { ...treeOf(new Map([['a', '1']])), getRange: () => assert.fail('the values were read') }
  const layer = new TreeLayer()
  layer.add([{ key: Buffer.from('b'), value: Buffer.from('2') }])
  const tree = new LayeredTree(noValues, () => [layer])
  const keys = [...tree.getKeys({ start: Buffer.from('a'), end: Buffer.from('c') })]
  assert.deepEqual(keys, [Buffer.from('a'), Buffer.from('b')])
})

test('a tree below layers reads as if all of them were in it', () => {
  const random = new Random(3)
  for (let round = 0; round < 300; round++) {
    const model = new Map<string, string>()
    for (const name of names) if (random.chance(0.4)) model.set(name, `base ${name}`)
    const base = treeOf(new Map(model))
    const layers = [new TreeLayer(), new TreeLayer()]
    for (const [age, layer] of layers.entries()) {
      for (let n = random.integer(0, 8); n > 0; n--) {
        const name = pick(random)
        const value = random.chance(0.4) ? undefined : `layer ${age} ${n}`
        layer.add([{ key: Buffer.from(name), value: value === undefined ? undefined : Buffer.from(value) }])
        if (value === undefined) model.delete(name)
        else model.set(name, value)
      }
    }
    const tree = new LayeredTree(base, () => layers.toReversed())
    const expected = treeOf(model)
    for (const name of names) assert.deepEqual(tree.get(Buffer.from(name)), expected.get(Buffer.from(name)))
    const [start = '', end = ''] = [pick(random), pick(random)].sort()
    const bounds = { start: Buffer.from(start), end: Buffer.from(end) }
    assert.deepEqual([...tree.getRange(bounds)], [...expected.getRange(bounds)])
    assert.deepEqual([...tree.getKeys(bounds)], [...expected.getKeys(bounds)])
  }
})
