import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statusOf } from '../../../test/doctor/facts.ts'
import type { MemberAnswer } from '../member-answers.ts'
import type { MaintenanceRecord } from '../rolling/maintenance.ts'
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

function rendered(...levels: readonly (number | undefined)[]): string {
  return renderUpgrade(view(...levels), true)
}

test('the level may rise to what every member understands', () => {
  assert.deepEqual([view(1, 1, 1).highestLevel, view(2, 2, 2).highestLevel, view(2, 3, 2).highestLevel], [1, 2, 2])
  assert.match(rendered(2, 2, 2), /every node understands level 2: `paxos upgrade finalize`/)
  assert.match(rendered(1, 1, 1), /nothing to upgrade or to finalize/)
})

test('who holds it up is named: an older version, and who does not answer', () => {
  assert.deepEqual(view(2, 1, 2).blockers, ['n2 runs 1.0, which understands level 1'])
  assert.match(rendered(2, 1, 2), /two versions run side by side: 1\.0, 2\.0/)
  const silent = view(2, 2, undefined)
  assert.deepEqual([silent.highestLevel, silent.blockers], [1, ['n3 does not answer']])
  assert.match(renderUpgrade(silent, true), /level 1 stays: n3 does not answer/)
})

test('one that is under way is not at its end, and is said how to go on with', () => {
  const paused: MaintenanceRecord = {
    ...{ format: 1, run: 'a', kind: 'upgrade', version: '2.0', by: 'ann@desk', startedAt: '2026-01-01T00:00:00Z' },
    ...{ state: 'paused', reason: 'it rains', nodes: ['n1', 'n2', 'n3'], done: [], current: null },
  }
  const shown = (changes: Partial<MaintenanceRecord>): string =>
    renderUpgrade(upgradeView(statusOf('n1'), answers(1, 1, 1), { ...paused, ...changes }), true)
  assert.match(shown({}), /is paused \(it rains\): 0 of 3 nodes done\n`paxos upgrade run --resume`.*--abandon`/)
  assert.match(
    shown({ state: 'running', kind: 'restart' }),
    /if nobody runs it any more: `paxos node restart --resume`/,
  )
  assert.doesNotMatch(shown({}), /nothing to/)
})

test('without a quorum nothing is claimed', () => {
  assert.doesNotMatch(renderUpgrade(view(1, 1, 1), false), /nothing to/)
  assert.match(renderUpgrade(view(1, undefined, undefined), false), /version runs is not known of n2, n3: no answer$/)
})
