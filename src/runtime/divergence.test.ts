import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ChainValue, chainZero } from '../machine/chain.ts'
import { type NodeId, type Slot, toNodeId, toSlot } from '../protocol/ids.ts'
import { ChainComparison, type ChainReport } from './chain-comparison.ts'
import { DivergenceRecord } from './divergence.ts'

const [n1, n2, n3] = [toNodeId(1), toNodeId(2), toNodeId(3)]
const appliedUpTo = toSlot(300)

function valueAt(slot: Slot, isWrong: boolean): ChainValue {
  return slot === 0 ? chainZero : (`${isWrong && slot > 100 ? 'wrong' : 'right'}${slot}`.padEnd(16) as ChainValue)
}

/** What is found when these answer, and `wrong` applied something else in slot 100. */
function compare(answering: readonly NodeId[], wrong: NodeId | undefined): ReturnType<ChainComparison['verdict']> {
  const comparison = new ChainComparison([n1, n2, n3], { from: undefined, to: undefined })
  for (;;) {
    const slots = comparison.next()
    if (slots === undefined) return comparison.verdict()
    const nodes = answering.filter((node) => comparison.asked.includes(node))
    comparison.add(
      new Map(
        nodes.map((node): [NodeId, ChainReport] => {
          const values = new Map(slots.map((slot) => [slot, valueAt(slot, node === wrong)]))
          return [node, { appliedUpTo, since: toSlot(0), revision: 1, compactedRevision: 0, values }]
        }),
      ),
    )
  }
}

test('a member that a majority was against stays so while too few answer to tell, and until it agrees with a majority', () => {
  const record = new DivergenceRecord()
  record.note(compare([n1, n2, n3], n3))
  const found = record.of(n3)
  assert.deepEqual(found, { node: n3, first: { from: toSlot(100), to: toSlot(101) }, isMinority: true })
  for (const answering of [[n2, n3], [n3], [n1], []]) {
    const { cleared } = record.note(compare(answering, n3))
    assert.deepEqual([record.of(n3), cleared], [found, []], `${answering} answer`)
  }
  // Its data were replaced, and one member that agrees is no majority.
  record.note(compare([n3], undefined))
  assert.deepEqual(record.of(n3), found)
  const { cleared } = record.note(compare([n2, n3], undefined))
  assert.deepEqual([record.of(n3), cleared], [undefined, [found]])
})

test('two of three that differ are both named, until a majority shows who is right', () => {
  const record = new DivergenceRecord()
  record.note(compare([n2, n3], n3))
  assert.deepEqual(
    record.diverged.map(({ node, isMinority }) => [node, isMinority]),
    [
      [n2, false],
      [n3, false],
    ],
  )
  record.note(compare([n1, n2, n3], n3))
  assert.deepEqual(
    record.diverged.map(({ node, isMinority }) => [node, isMinority]),
    [[n3, true]],
  )
})
