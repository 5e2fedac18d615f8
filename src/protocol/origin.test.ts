import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBinary } from '../base/bytes.ts'
import { attributionOf } from './epoch-codec.ts'
import { detailBytesMax, isAttribution, originBounds } from './origin.ts'

const latest = 8.64e15
const origin = { actor: 'ann', node: 'n1', address: '10.0.0.1' }
const good = { origin, timeMs: latest, detail: 'adds n4' }

test('what is beyond the bounds of an attribution attributes nothing', () => {
  const longest = 'd'.repeat(detailBytesMax)
  const actor = 'a'.repeat(originBounds.actor)
  for (const by of [good, { ...good, detail: longest }, { ...good, origin: { ...origin, actor }, timeMs: 0 }]) {
    assert.ok(isAttribution(by))
    assert.deepEqual(attributionOf(stopSign(by)), by)
  }
  for (const by of [
    { ...good, timeMs: latest + 1 },
    { ...good, timeMs: -1 },
    { ...good, timeMs: 0.5 },
    { ...good, detail: `${longest}d` },
    { ...good, detail: '\u0100' },
    { ...good, origin: { ...origin, actor: `${actor}a` } },
  ]) {
    assert.ok(!isAttribution(by))
    assert.equal(attributionOf(stopSign(by)), undefined)
  }
})

function stopSign({ origin: { actor, node, address }, timeMs, detail }: typeof good): Uint8Array {
  const text = JSON.stringify({ audit: { actor, node, address, timeMs, detail } })
  return fromBinary(text.replace('\u0100', '\\u0100'))
}
