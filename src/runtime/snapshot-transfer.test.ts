import assert from 'node:assert/strict'
import test from 'node:test'
import { fromBinary, toBinary } from '../base/bytes.ts'
import { PaxosError } from '../base/error.ts'
import { toNodeId, toSlot } from '../protocol/ids.ts'
import type { RuntimeMessage } from './peer-message.ts'
import type { StateInstall, StateSnapshot } from './ports.ts'
import { chunkChecksum } from './snapshot-chunk.ts'
import { SnapshotDonor } from './snapshot-donor.ts'
import { SnapshotReceiver } from './snapshot-receiver.ts'

type Chunk = Extract<RuntimeMessage, { kind: 'snapshotChunk' }>
type Question = Extract<RuntimeMessage, { kind: 'snapshotRequest' }>

const [donorId, receiverId] = [toNodeId(1), toNodeId(2)]
const data = Array.from({ length: 20 }, (_, i) => [`k${String(i).padStart(2, '0')}`, fromBinary(`v${i}`)] as const)

function donor(appliedUpTo = 7): { donor: SnapshotDonor; closed: () => number; giveUp: () => void } {
  let closed = 0
  let isGone = false
  const snapshot = (): StateSnapshot => ({
    appliedUpTo: toSlot(appliedUpTo),
    page: (after, bytesMax) => {
      if (isGone) throw new PaxosError('NOT_FOUND', 'The snapshot is closed')
      const rest = data.filter(([key]) => after === undefined || key > after)
      const entries = rest.slice(0, Math.max(1, Math.floor(bytesMax / 5)))
      return { entries, done: entries.length === rest.length }
    },
    close: () => {
      closed++
    },
  })
  return {
    donor: new SnapshotDonor(
      (task) => task(snapshot()),
      15,
      () => {},
    ),
    closed: () => closed,
    giveUp: () => {
      isGone = true
    },
  }
}

/** `holdsFinish`: a commit is in flight, and whatever is finished waits for it. */
function receiver(holdsFinish = false) {
  const questions: Question[] = []
  const received = new Map<string, string>()
  const finished: number[] = []
  let aborted = 0
  const install: StateInstall = {
    put: (entries, done) => {
      for (const [key, value] of entries) received.set(key, toBinary(value))
      done()
    },
    finish: (done) => done(),
    abort: () => {
      aborted++
    },
  }
  const it = new SnapshotReceiver(
    {
      appliedUpTo: () => toSlot(0),
      begin: () => install,
      send: (_to, question) => void questions.push(question),
      finish: (_install, upTo, done) => {
        finished.push(upTo)
        if (!holdsFinish) done()
      },
      fail: (error) => assert.fail(error),
      note: () => {},
    },
    100,
  )
  return { it, questions, received, finished, aborted: () => aborted }
}

function answer(from: SnapshotDonor, question: Question | undefined, now = 0): Chunk {
  assert.ok(question !== undefined, 'nothing was asked')
  let chunk: Chunk | undefined
  from.onRequest(now, receiverId, question, (sent) => {
    chunk = sent
  })
  assert.ok(chunk !== undefined, 'no chunk came')
  return chunk
}

test('a snapshot arrives chunk by chunk, each asked for after the last was stored', () => {
  const source = donor()
  const { it, questions, received, finished } = receiver()
  it.start(0, donorId)
  while (it.isActive) it.onChunk(0, donorId, answer(source.donor, questions.shift()))
  assert.deepEqual(
    [...received],
    data.map(([key, value]) => [key, toBinary(value)]),
  )
  assert.deepEqual(finished, [7])
})

test('a lost chunk is asked again from the last key that was stored', () => {
  const source = donor()
  const { it, questions } = receiver()
  it.start(0, donorId)
  it.onChunk(0, donorId, answer(source.donor, questions.shift()))
  const lost = questions.shift()
  it.onTick(99)
  assert.equal(questions.length, 0)
  it.onTick(100)
  assert.deepEqual(questions.shift(), lost)
})

test('a damaged, repeated or foreign chunk changes nothing', () => {
  const source = donor()
  const { it, questions, received } = receiver()
  it.start(0, donorId)
  const first = answer(source.donor, questions.shift())
  it.onChunk(0, donorId, { ...first, checksum: first.checksum ^ 1 })
  it.onChunk(0, receiverId, first)
  const damaged = first.entries.map(([key]) => [key, fromBinary('other')] as const)
  it.onChunk(0, donorId, { ...first, entries: damaged })
  assert.equal(received.size, 0)
  it.onChunk(0, donorId, first)
  const size = received.size
  it.onChunk(0, donorId, first)
  assert.equal(received.size, size)
})

test('a chunk that does not follow what is stored is dropped, so that none is left out', () => {
  const source = donor()
  const { it, questions, received, finished } = receiver()
  it.start(0, donorId)
  const first = answer(source.donor, questions.shift())
  it.onChunk(0, donorId, first)
  const size = received.size
  const { snapshot } = first
  it.onChunk(0, donorId, answer(source.donor, { kind: 'snapshotRequest', snapshot, after: 'k18' }))
  assert.equal(received.size, size)
  assert.deepEqual(finished, [])
})

test('a donor that falls silent is given up, and what was received is dropped', () => {
  const source = donor()
  const { it, questions, aborted } = receiver()
  it.start(0, donorId)
  it.onChunk(0, donorId, answer(source.donor, questions.shift()))
  it.onTick(20_000)
  assert.equal(it.isActive, false)
  assert.equal(aborted(), 1)
})

test('a donor closes a snapshot that nobody asks for any more, and answers no stranger from it', () => {
  const source = donor()
  const { it, questions } = receiver()
  it.start(0, donorId)
  const { snapshot } = answer(source.donor, questions.shift())
  source.donor.onRequest(0, toNodeId(3), { kind: 'snapshotRequest', snapshot, after: undefined }, () =>
    assert.fail('answered a stranger'),
  )
  source.donor.onTick(29_000)
  assert.equal(source.closed(), 0)
  source.donor.onTick(31_000)
  assert.equal(source.closed(), 1)
})

test('a chunk of another snapshot with the same number, as a restarted donor sends it, is not mixed in', () => {
  const { it, questions, received } = receiver()
  it.start(0, donorId)
  const first = answer(donor().donor, questions.shift())
  it.onChunk(0, donorId, first)
  const second = answer(donor(8).donor, { kind: 'snapshotRequest', snapshot: undefined, after: undefined })
  assert.equal(second.snapshot, first.snapshot)
  const size = received.size
  const content = { ...second, after: first.entries.at(-1)?.[0], entries: [['k99', fromBinary('newer')]] as const }
  it.onChunk(0, donorId, { ...content, checksum: chunkChecksum(content) })
  assert.equal(received.size, size)
})

test('a donor whose store gave the snapshot up says nothing, and forgets it', () => {
  const source = donor()
  const { it, questions } = receiver()
  it.start(0, donorId)
  it.onChunk(0, donorId, answer(source.donor, questions.shift()))
  source.giveUp()
  const [question] = questions
  assert.ok(question !== undefined)
  source.donor.onRequest(0, receiverId, question, () => assert.fail('answered from a snapshot that is gone'))
  assert.equal(source.closed(), 1)
})

test('a snapshot that nobody asks for any more soon makes room for those who wait', () => {
  const source = donor()
  const start: Question = { kind: 'snapshotRequest', snapshot: undefined, after: undefined }
  const ask = (from: number, question: Question, now: number): Chunk | undefined => {
    let chunk: Chunk | undefined
    source.donor.onRequest(now, toNodeId(from), question, (sent) => {
      chunk = sent
    })
    return chunk
  }
  const [sent, slow] = [ask(2, start, 0), ask(3, start, 0)]
  assert.equal(ask(2, { ...start, snapshot: sent?.snapshot, after: 'k18' }, 0)?.done, true)
  assert.equal(ask(4, start, 1000), undefined, 'the end may have been lost, and be asked for again')
  assert.ok(ask(3, { ...start, snapshot: slow?.snapshot, after: 'k02' }, 2000) !== undefined)
  assert.ok(ask(4, start, 3000) !== undefined)
  assert.equal(source.closed(), 1)
  assert.ok(ask(3, { ...start, snapshot: slow?.snapshot, after: 'k04' }, 3000) !== undefined)
})

test('a snapshot that is being put in place is not given up any more', () => {
  const source = donor()
  const { it, questions, finished, aborted } = receiver(true)
  it.start(0, donorId)
  while (finished.length === 0) it.onChunk(0, donorId, answer(source.donor, questions.shift()))
  it.abort()
  it.onTick(1_000_000)
  assert.deepEqual([aborted(), it.isActive], [0, true])
})
