import { openDataDirectory } from '../../src/daemon/store/data-directory.ts'
import { settled } from '../../src/daemon/store/settled.ts'
import { firstEpoch, firstGroup, toIncarnation, toNodeId, toSlot } from '../../src/protocol/ids.ts'
import type { GroupWrite } from '../../src/runtime/ports.ts'
import { percentile } from '../statistics.ts'

export interface StoreFigures {
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

const logSlots = 1000

/** Commits of one vote with its watermark, one after the other, each durable before the next: what a lone write waits for. */
export async function storeCommits(path: string, bytes: number, ms: number): Promise<StoreFigures> {
  let failure: Error | undefined
  const directory = await openDataDirectory({
    path,
    expected: { clusterId: 'bench', nodeId: toNodeId(1), name: 'n1' },
    onFailure: (error) => {
      failure = error
    },
  })
  const payload = new Uint8Array(bytes).fill(118)
  const ballot = { epoch: firstEpoch, round: 1, node: toNodeId(1), incarnation: toIncarnation(1), sub: 0 }
  const place = { group: firstGroup, epoch: firstEpoch }
  const writesOf = (slot: number): GroupWrite[] => {
    const entry = { kind: 'batch', payload } as const
    const writes: GroupWrite[] = [
      { ...place, write: { kind: 'vote', slot: toSlot(slot), ballot, entry, chosen: false } },
      { ...place, write: { kind: 'chosen', upTo: toSlot(slot) } },
    ]
    if (slot % 64 === 63) {
      writes.push({ ...place, write: { kind: 'truncate', upTo: toSlot(Math.max(0, slot - logSlots)) } })
    }
    return writes
  }
  const times: number[] = []
  const began = performance.now()
  for (let slot = 0; performance.now() - began < ms; slot++) {
    const from = performance.now()
    await settled((done) => directory.acceptor.commit(writesOf(slot), done))
    times.push(performance.now() - from)
  }
  const seconds = (performance.now() - began) / 1000
  await directory.close()
  if (failure !== undefined) throw failure
  times.sort((a, b) => a - b)
  return { perSecond: times.length / seconds, p50: percentile(times, 50), p99: percentile(times, 99) }
}
