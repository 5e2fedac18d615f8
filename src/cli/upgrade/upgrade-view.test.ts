import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statusOf } from '../../../test/doctor/facts.ts'
import type { MemberAnswer } from '../member-answers.ts'
import { renderUpgrade, upgradeView } from './upgrade-view.ts'

function answers(...levels: readonly (number | undefined)[]): MemberAnswer[] {
  return (['n1', 'n2', 'n3'] as const).map((name, at) => {
    const max = levels[at]
    const { node, ...status } = statusOf(name)
    const known =
      max === undefined
        ? undefined
        : { ...status, node: { ...node, version: `${max}.0`, featureLevels: { min: 1, max } } }
    return { name, endpoint: undefined, status: known }
  })
}

function view(...levels: readonly (number | undefined)[]) {
  return upgradeView(statusOf('n1'), answers(...levels), undefined)
}

test('the level may rise to what every member understands', () => {
  assert.deepEqual([view(1, 1, 1).highestLevel, view(2, 2, 2).highestLevel, view(2, 3, 2).highestLevel], [1, 2, 2])
  assert.match(renderUpgrade(view(2, 2, 2)), /every node understands level 2: `paxos upgrade finalize`/)
  assert.match(renderUpgrade(view(1, 1, 1)), /nothing to upgrade or to finalize/)
})

test('who holds it up is named: an older version, and who does not answer', () => {
  assert.deepEqual(view(2, 1, 2).blockers, ['n2 runs 1.0, which understands level 1'])
  assert.match(renderUpgrade(view(2, 1, 2)), /two versions run side by side: 1\.0, 2\.0/)
  const silent = view(2, 2, undefined)
  assert.deepEqual([silent.highestLevel, silent.blockers], [1, ['n3 does not answer']])
  assert.match(renderUpgrade(silent), /level 1 stays: n3 does not answer/)
})
