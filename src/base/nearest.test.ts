import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from './nearest.ts'

test('a mistyped word is matched to the nearest candidate', () => {
  assert.equal(nearest('pipelineSlotMax', ['batchBytesMax', 'pipelineSlotsMax', 'name']), 'pipelineSlotsMax')
  assert.equal(nearest('nmae', ['name', 'data']), 'name')
  assert.equal(nearest('NAME', ['name', 'names']), 'name')
})

test('a word that is like none of them matches nothing', () => {
  assert.equal(nearest('colour', ['name', 'dataDir']), undefined)
  assert.equal(nearest('x', ['abc']), undefined)
  assert.equal(nearest('', []), undefined)
})
