import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkHistory } from '../../src/sim/linearizability/check.ts'
import {
  emptyStart,
  type History,
  type Input,
  type Item,
  type Operation,
} from '../../src/sim/linearizability/history.ts'
import { replay } from '../../src/sim/linearizability/replay.ts'
import { renderTimeline } from '../../src/sim/linearizability/timeline.ts'
import { renderTimelineHtml } from '../../src/sim/linearizability/timeline-html.ts'
import type { Violation, ViolationKind } from '../../src/sim/linearizability/verdict.ts'
import { searchOrder } from '../../src/sim/linearizability/wgl.ts'

test('a read that begins after a write returned must show it', () => {
  const legal = [put([0, 1], 'a', 'x', 1, 1), get([2, 3], 'a', item('a', 'x', 1, 1, 1), 1)]
  accepted(legal)
  const stale = [put([0, 1], 'a', 'x', 1, 1), get([2, 3], 'a', undefined, 0)]
  const violation = refused(stale, 'staleRead')
  assert.deepEqual(violation.blocking, [1, 0])
  unexplained(stale)
})

test('a read beside a write may show the state before it or after it', () => {
  accepted([put([0, 5], 'a', 'x', 1, 1), get([1, 2], 'a', undefined, 0), get([3, 4], 'a', item('a', 'x', 1, 1, 1), 1)])
  const backwards = [
    put([0, 5], 'a', 'x', 1, 1),
    get([1, 2], 'a', item('a', 'x', 1, 1, 1), 1),
    get([3, 4], 'a', undefined, 0),
  ]
  refused(backwards, 'staleRead')
  unexplained(backwards)
})

test('operations that touch at one instant are concurrent', () => {
  accepted([put([0, 1], 'a', 'x', 1, 1), get([1, 2], 'a', undefined, 0)])
})

test('a lost update is found: two conditional writes cannot both have seen one version', () => {
  const both = [put([0, 1], 'a', 'x', 1, 1), put([2, 5], 'a', 'y', 2, 2, 1), put([3, 6], 'a', 'z', 2, 3, 1)]
  refused(both, 'wrongResult')
  unexplained(both)
  accepted([put([0, 1], 'a', 'x', 1, 1), put([2, 5], 'a', 'y', 2, 2, 1), refusedPut([3, 6], 'a', 'z', 1)])
})

test('two writes with one revision are found', () => {
  refused([put([0, 1], 'a', 'x', 1, 1), put([2, 3], 'b', 'y', 1, 1)], 'doubleRevision')
})

test('a write that was applied twice is found, in its version and in the revision that nobody claims', () => {
  const twice = [put([0, 1], 'a', 'x', 1, 1), put([2, 3], 'a', 'y', 3, 3)]
  assert.match(refused(twice, 'unclaimedRevision').message, /Revision 2 was made by no operation/)
  unexplained(twice)
})

test('an acknowledged write that is gone is found', () => {
  const lost = [put([0, 1], 'a', 'x', 1, 1), put([2, 3], 'b', 'y', 1, 2), get([4, 5], 'a', undefined, 2)]
  refused(lost, 'wrongResult')
  unexplained(lost)
})

test('a deleted key that comes back is found', () => {
  const resurrected = [
    put([0, 1], 'a', 'x', 1, 1),
    del([2, 3], 'a', 1, 2),
    get([4, 5], 'a', item('a', 'x', 1, 1, 1), 2),
  ]
  refused(resurrected, 'wrongResult')
  unexplained(resurrected)
})

test('a write of unknown outcome may take effect, late or never', () => {
  const open = unknownPut(0, 'a', 'x')
  accepted([open])
  accepted([open, get([1, 2], 'a', undefined, 0), get([3, 4], 'a', item('a', 'x', 1, 1, 1), 1)])
  accepted([open, get([1, 2], 'a', undefined, 0), put([3, 4], 'a', 'y', 1, 1)])
  accepted([open, put([3, 4], 'a', 'y', 2, 2)])
})

test('a write of unknown outcome cannot be seen before it began, nor come twice, nor go away', () => {
  const x = item('a', 'x', 1, 1, 1)
  const early = [get([0, 1], 'a', x, 1), unknownPut(2, 'a', 'x')]
  refused(early, 'unclaimedRevision')
  unexplained(early)
  const twice = [unknownPut(0, 'a', 'x'), put([1, 2], 'a', 'y', 2, 2), put([3, 4], 'a', 'z', 4, 4)]
  refused(twice, 'unclaimedRevision')
  unexplained(twice)
  const gone = [unknownPut(0, 'a', 'x'), get([1, 2], 'a', x, 1), get([3, 4], 'a', undefined, 0)]
  refused(gone, 'staleRead')
  unexplained(gone)
})

test('a write of unknown outcome that nobody saw still counts in later versions', () => {
  accepted([unknownPut(0, 'a', 'x'), put([1, 2], 'a', 'y', 2, 2), get([3, 4], 'a', item('a', 'y', 1, 2, 2), 2)])
})

test('a write that the log shows is held to what the log says', () => {
  const confirmed: Operation = { ...put([0, 1], 'a', 'x', 1, 1), returnedAt: undefined }
  accepted([confirmed, put([2, 3], 'a', 'y', 2, 2)])
  refused([confirmed, put([2, 3], 'a', 'y', 1, 2)], 'wrongResult')
})

test('a refused condition must have failed at some moment of the call', () => {
  const value = item('a', 'x', 1, 1, 1)
  const wrong = [put([0, 1], 'a', 'x', 1, 1), refusedPut([2, 3], 'a', 'y', 1), get([4, 5], 'a', value, 1)]
  refused(wrong, 'wrongRefusal')
  unexplained(wrong)
  accepted([put([0, 1], 'a', 'x', 1, 1), refusedPut([2, 6], 'a', 'y', 1), put([3, 5], 'a', 'z', 2, 2)])
  const tooEarly = [put([0, 1], 'a', 'x', 1, 1), refusedPut([2, 3], 'a', 'y', 1), put([4, 5], 'a', 'z', 2, 2)]
  refused(tooEarly, 'lateWrite')
  unexplained(tooEarly)
})

test('a transaction is one step: a read between its writes is found', () => {
  const txn: Operation = {
    client: 1,
    invokedAt: 0,
    returnedAt: 9,
    input: transfer,
    output: {
      kind: 'txn',
      revision: 1,
      succeeded: true,
      results: [
        { kind: 'put', version: 1 },
        { kind: 'put', version: 1 },
      ],
    },
  }
  const seenA = get([1, 2], 'a', item('a', 'x', 1, 1, 1), 1)
  accepted([txn, seenA, get([3, 4], 'b', item('b', 'y', 1, 1, 1), 1)])
  const torn = [txn, seenA, get([3, 4], 'b', undefined, 0)]
  refused(torn, 'staleRead')
  unexplained(torn)
})

test('a range answer is held to all keys at once', () => {
  const list = (items: readonly Item[], revision: number): Operation => ({
    client: 1,
    invokedAt: 4,
    returnedAt: 5,
    input: {
      kind: 'range',
      range: { start: 'a', end: 'c' },
      limit: 0,
      keysOnly: false,
      at: undefined,
      isStale: false,
    },
    output: { kind: 'items', revision, items, more: false },
  })
  const writes = [put([0, 1], 'a', 'x', 1, 1), put([2, 3], 'b', 'y', 1, 2)]
  const [a, b] = [item('a', 'x', 1, 1, 1), item('b', 'y', 2, 2, 1)]
  accepted([...writes, list([a, b], 2)])
  const holey = [...writes, list([b], 2)]
  refused(holey, 'wrongResult')
  unexplained(holey)
})

test('a stale read may be behind but not ahead, nor wrong', () => {
  const stale = (times: Times, shown: Item | undefined, revision: number): Operation => ({
    ...get(times, 'a', shown, revision),
    input: { kind: 'get', key: 'a', at: undefined, isStale: true },
  })
  const x = item('a', 'x', 1, 1, 1)
  const write = put([2, 3], 'a', 'x', 1, 1)
  accepted([write, stale([4, 5], undefined, 0)])
  refused([write, stale([0, 1], x, 1)], 'earlyRead')
  refused([write, stale([4, 5], undefined, 1)], 'wrongResult')
  refused([write, stale([2, 2.5], x, 1), get([2.6, 2.7], 'a', undefined, 0)], 'staleRead')
})

test('a read of the past shows the past', () => {
  const past = (shown: Item | undefined): Operation => ({
    ...get([4, 5], 'a', shown, 2),
    input: { kind: 'get', key: 'a', at: 1, isStale: false },
  })
  const writes = [put([0, 1], 'a', 'x', 1, 1), put([2, 3], 'a', 'y', 2, 2)]
  accepted([...writes, past(item('a', 'x', 1, 1, 1))])
  refused([...writes, past(item('a', 'y', 1, 2, 2))], 'wrongResult')
})

test('a history may begin with data', () => {
  const start = { revision: 7, items: [item('a', 'x', 3, 7, 2)] }
  const next = put([0, 1], 'a', 'y', 3, 8)
  assert.ok(checkHistory({ start, operations: [next] }).ok)
  assert.ok(!checkHistory({ start, operations: [put([0, 1], 'a', 'y', 1, 8)] }).ok)
})

test('delete and put in one transaction give the first version again and count as a change', () => {
  const again: Operation = {
    client: 2,
    invokedAt: 0,
    returnedAt: 9,
    input: {
      kind: 'txn',
      compare: [],
      ...branchesOf([
        { kind: 'delete', range: { start: 'a', end: 'a\0' } },
        { kind: 'put', key: 'a', value: 'z' },
      ]),
    },
    output: {
      kind: 'txn',
      revision: 3,
      succeeded: true,
      results: [
        { kind: 'delete', deleted: 1 },
        { kind: 'put', version: 1 },
      ],
    },
  }
  accepted([again, put([0, 1], 'a', 'x', 1, 1), put([0, 2], 'a', 'y', 2, 2), put([0, 9], 'a', 'w', 2, 4)])
})

test('without a budget nothing is claimed', () => {
  const operations = [put([0, 1], 'a', 'x', 1, 1)]
  const verdict = checkHistory({ start: emptyStart, operations }, { by: 'search', searchBudget: 0 })
  assert.equal(verdict.ok ? 'ok' : verdict.violation, 'undecided')
  const many = Array.from({ length: 12 }, (_, i) => unknownDelete(i))
  const unsolvable = [...many, get([20, 21], 'b', item('b', 'x', 6, 6, 1), 6)]
  const result = replay({ start: emptyStart, operations: unsolvable }, 0)
  assert.equal('violation' in result ? result.violation : 'legal', 'unclaimedRevision')
})

test('a history that contradicts itself is refused as bad input', () => {
  const history: History = { start: emptyStart, operations: [put([2, 1], 'a', 'x', 1, 1)] }
  assert.throws(() => checkHistory(history), { code: 'BAD_REQUEST', message: /before it began/ })
})

test('a failure is told with the longest legal sequence, what blocks it, and a timeline', () => {
  const operations = [
    put([0, 1], 'a', 'x', 1, 1),
    put([2, 3], 'b', '<y>', 1, 2),
    get([4, 6], 'a', undefined, 2),
    unknownPut(5, 'b', 'z'),
  ]
  const history = { start: emptyStart, operations }
  const violation = refused(operations, 'wrongResult')
  assert.deepEqual(violation.longestPrefix, [0, 1])
  assert.deepEqual(violation.blocking, [2])
  assert.equal(
    renderTimeline(history, violation),
    `wrongResult: client 1: get "a" → none, revision 2, but at that revision it gives "x" (version 1, created 1, changed 1), revision 2.
2 of 4 operations can be placed.

        #1 ├┤       client 1: put "a" = "x" → version 1, revision 1
        #2   ├┤     client 1: put "b" = "<y>" → version 1, revision 2
>              ├─┤  client 1: get "a" → none, revision 2
                ├─… client 9: put "b" = "z" → unknown
`,
  )
  const html = renderTimelineHtml(history, violation)
  assert.match(html, /class="blocking"/)
  assert.ok(!html.includes('<y>'))
  const searched = searchOrder(history)
  assert.ok('violation' in searched)
  assert.deepEqual(searched.longestPrefix, [0])
  assert.deepEqual(searched.blocking, [2])
})

type Times = readonly [invokedAt: number, returnedAt: number]

const transfer: Input = {
  kind: 'txn',
  compare: [],
  ...branchesOf([
    { kind: 'put', key: 'a', value: 'x' },
    { kind: 'put', key: 'b', value: 'y' },
  ]),
}

function branchesOf(
  then: Extract<Input, { kind: 'txn' }>['then'],
): Pick<Extract<Input, { kind: 'txn' }>, 'then' | 'else'> {
  return { then, else: [] }
}

function accepted(operations: readonly Operation[]): void {
  const verdict = checkHistory({ start: emptyStart, operations })
  assert.ok(verdict.ok, verdict.ok ? '' : verdict.message)
  assert.ok(verdict.isSearched)
}

function refused(operations: readonly Operation[], kind: ViolationKind): Violation {
  const verdict = checkHistory({ start: emptyStart, operations })
  assert.ok(!verdict.ok, 'accepted')
  assert.equal(verdict.violation, kind, verdict.message)
  return verdict
}

/** Refused by the search too, which does not look at revisions. */
function unexplained(operations: readonly Operation[]): void {
  const verdict = checkHistory({ start: emptyStart, operations }, { by: 'search' })
  assert.equal(verdict.ok ? 'ok' : verdict.violation, 'notLinearizable')
}

function item(key: string, value: string, createRevision: number, modRevision: number, version: number): Item {
  return { key, value, createRevision, modRevision, version }
}

function put(
  [invokedAt, returnedAt]: Times,
  key: string,
  value: string,
  version: number,
  revision: number,
  ifVersion?: number,
): Operation {
  const input = { kind: 'put', key, value, ifVersion } as const
  return { client: 1, invokedAt, returnedAt, input, output: { kind: 'put', revision, version } }
}

function refusedPut([invokedAt, returnedAt]: Times, key: string, value: string, ifVersion: number): Operation {
  const input = { kind: 'put', key, value, ifVersion } as const
  return { client: 1, invokedAt, returnedAt, input, output: { kind: 'mismatch' } }
}

function unknownPut(invokedAt: number, key: string, value: string): Operation {
  const input = { kind: 'put', key, value, ifVersion: undefined } as const
  return { client: 9, invokedAt, returnedAt: undefined, input, output: undefined }
}

function unknownDelete(invokedAt: number): Operation {
  const input = { kind: 'delete', key: 'a', ifVersion: undefined } as const
  return { client: 9, invokedAt, returnedAt: undefined, input, output: undefined }
}

function del([invokedAt, returnedAt]: Times, key: string, deleted: number, revision: number): Operation {
  const input = { kind: 'delete', key, ifVersion: undefined } as const
  return { client: 1, invokedAt, returnedAt, input, output: { kind: 'delete', revision, deleted } }
}

function get([invokedAt, returnedAt]: Times, key: string, shown: Item | undefined, revision: number): Operation {
  const input = { kind: 'get', key, at: undefined, isStale: false } as const
  return { client: 1, invokedAt, returnedAt, input, output: { kind: 'item', revision, item: shown } }
}
