import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zeroBallot } from '../protocol/ballot.ts'
import type { Epoch } from '../protocol/epoch.ts'
import { toEpochNumber, toIncarnation, toNodeId, toSlot } from '../protocol/ids.ts'
import type { Vote } from '../protocol/multipaxos/message.ts'
import type { LoadedGroup } from '../runtime/ports.ts'
import { type LogSource, openLogs } from './open-logs.ts'
import { type SlotWindow, stoppedLogLines } from './stopped-log.ts'

const self = toNodeId(1)
const everything: SlotWindow = { from: undefined, to: undefined }

interface StoredEpoch {
  readonly startSlot: number
  readonly truncatedUpTo?: number
  readonly chosenUpTo: number
  readonly votes: readonly number[]
  readonly unknown?: readonly number[]
}

function directoryOf(...stored: readonly StoredEpoch[]): LogSource {
  const epochs = stored.map(({ startSlot }, index): Epoch => {
    const members = [{ id: self, name: 'n1', peerAddress: 'n1:1', kind: 'acceptor' as const }]
    const common = { protocol: 'multi' as const, members, q1: 1, q2: 1, leaseMs: 0, featureLevel: 1, highestId: self }
    return { ...common, number: toEpochNumber(index + 1), startSlot: toSlot(startSlot) }
  })
  const load = (_: unknown, number: number): LoadedGroup => {
    const { truncatedUpTo = 0, chosenUpTo, votes, unknown = [] } = stored[number - 1] ?? { chosenUpTo: 0, votes: [] }
    return {
      promised: undefined,
      truncatedUpTo: toSlot(truncatedUpTo),
      chosenUpTo: toSlot(chosenUpTo),
      votes: votes.map((slot) => voteAt(slot, epochs[number]?.startSlot === slot + 1)),
      unknown: unknown.map(toSlot),
    }
  }
  const identity = { clusterId: 'c', name: 'n1', nodeId: self, incarnation: toIncarnation(1) }
  return { identity: identity as unknown as LogSource['identity'], epochs: () => epochs, load }
}

function voteAt(slot: number, isStop: boolean): Vote {
  const ballot = { ...zeroBallot(toEpochNumber(1)), round: 1, node: self }
  const entry = { kind: isStop ? ('stopSign' as const) : ('noop' as const), payload: new Uint8Array() }
  return { slot: toSlot(slot), ballot, entry, chosen: true }
}

async function shown(directory: LogSource, window = everything): Promise<string[]> {
  const lines = await stoppedLogLines(directory, window, false)
  return lines.map(({ slot, upTo, epoch, state }) => `${slot}${upTo === undefined ? '' : `…${upTo}`} ${epoch} ${state}`)
}

test('a slot of a stopped node is shown once, from the log of its epoch', async () => {
  const directory = directoryOf(
    { startSlot: 0, chosenUpTo: 3, votes: [0, 1, 2] },
    { startSlot: 3, chosenUpTo: 4, votes: [3, 5], unknown: [6] },
  )
  const lines = ['0 1 chosen', '1 1 chosen', '2 1 chosen', '3 2 chosen', '4 2 missing', '5 2 chosen', '6 2 unknown']
  assert.deepEqual(await shown(directory), lines)
  assert.deepEqual(await shown(directory, { from: 2, to: 4 }), ['2 1 chosen', '3 2 chosen'])
})

test('what a stopped node truncated is one line, over all the epochs in it', async () => {
  const closed = { startSlot: 0, truncatedUpTo: 23, chosenUpTo: 23, votes: [] }
  const between = { startSlot: 20, truncatedUpTo: 30, chosenUpTo: 30, votes: [] }
  const begun = { startSlot: 30, chosenUpTo: 0, votes: [30] }
  assert.deepEqual(await shown(directoryOf(closed, between, begun)), ['0…30 null truncated', '30 3 chosen'])
  const window = { from: 4, to: 9 }
  assert.deepEqual(await shown(directoryOf(closed, between, begun), window), ['4…9 null truncated'])
  const cut = { startSlot: 20, truncatedUpTo: 25, chosenUpTo: 27, votes: [25, 26] }
  const next = { startSlot: 27, chosenUpTo: 27, votes: [] }
  const lines = ['0…25 null truncated', '25 2 chosen', '26 2 chosen']
  assert.deepEqual(await shown(directoryOf(closed, cut, next)), lines)
})

test('without a range, the last fifty slots of a stopped node are shown, whatever their epochs', async () => {
  const slots = Array.from({ length: 100 }, (_, slot) => slot)
  const directory = directoryOf(
    { startSlot: 0, chosenUpTo: 80, votes: slots.slice(0, 80) },
    { startSlot: 80, chosenUpTo: 100, votes: slots.slice(80) },
  )
  const lines = await shown(directory)
  assert.deepEqual([lines.length, lines[0], lines.at(-1)], [50, '50 1 chosen', '99 2 chosen'])
})

test('an epoch that has just begun knows chosen what came before it', () => {
  const [, begun] = openLogs(
    directoryOf({ startSlot: 0, chosenUpTo: 3, votes: [0, 1, 2] }, { startSlot: 3, chosenUpTo: 0, votes: [3] }),
  )
  assert.deepEqual([begun?.log.truncatedUpTo, begun?.log.chosenUpTo, begun?.log.votedUpTo], [3, 3, 4])
})
