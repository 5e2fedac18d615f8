/**
 * Does the acceptor's file stay bounded under append, overwrite, prune and restart, and how fast are commits?
 *
 *   node bench/store-soak.ts [--seconds 60] [--kept 2000] [--seed 1] [--dir DIRECTORY]
 *
 * First a measurement of small commits in a fresh directory, then the soak. Each line of the soak is one run between two
 * restarts; at the end a compacting copy of the acceptor's file walks every page (it fails on leaked pages) and its size
 * is compared. Ends with 1 when a file grew between the first and the last third of the time.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Random } from '../src/base/random.ts'
import { type DataDirectory, openDataDirectory } from '../src/daemon/store/data-directory.ts'
import { openEnvironment } from '../src/daemon/store/environment.ts'
import { settled } from '../src/daemon/store/settled.ts'
import { firstEpoch, firstGroup, toIncarnation, toNodeId, toSlot } from '../src/protocol/ids.ts'
import type { GroupWrite } from '../src/runtime/ports.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    kept: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    dir: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const kept = Number(values.kept)
const random = new Random(Number(values.seed))
const place = { group: firstGroup, epoch: firstEpoch }
const restartMs = Math.min(5000, (seconds * 1000) / 9)

function open(path: string): Promise<DataDirectory> {
  return openDataDirectory({
    path,
    expected: { clusterId: 'soak', nodeId: toNodeId(1), name: 'n1' },
    onFailure: (error) => {
      console.error(error)
      process.exit(1)
    },
  })
}

function voteWrite(slot: number, round: number, bytes: number): GroupWrite {
  const ballot = { epoch: firstEpoch, round, node: toNodeId(1), incarnation: toIncarnation(1), sub: 0 }
  const entry = { kind: 'batch', payload: new Uint8Array(bytes).fill(slot) } as const
  return { ...place, write: { kind: 'vote', slot: toSlot(slot), ballot, entry, chosen: false } }
}

function mark(kind: 'chosen' | 'truncate', upTo: number): GroupWrite {
  return { ...place, write: { kind, upTo: toSlot(Math.max(0, upTo)) } }
}

function commit(directory: DataDirectory, writes: readonly GroupWrite[]): Promise<void> {
  return settled((done) => directory.acceptor.commit(writes, done))
}

function percentile(sorted: readonly number[], p: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))] ?? 0).toFixed(2)
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}

/** `width` commits of one 300-byte vote in flight, each with the chosen watermark. */
async function measure(path: string, width: number, ms: number): Promise<void> {
  const directory = await open(path)
  const latencies: number[] = []
  const end = performance.now() + ms
  let slot = 0
  const one = async (): Promise<void> => {
    while (performance.now() < end) {
      const mine = slot++
      const begun = performance.now()
      const writes = [voteWrite(mine, 1, 300), mark('chosen', mine)]
      if (mine % 64 === 0) writes.push(mark('truncate', mine - 1000))
      await commit(directory, writes)
      latencies.push(performance.now() - begun)
    }
  }
  await Promise.all(Array.from({ length: width }, one))
  await directory.close()
  latencies.sort((a, b) => a - b)
  const perSecond = Math.round((latencies.length / ms) * 1000)
  const figures = [50, 99, 99.9].map((p) => `p${p} ${percentile(latencies, p)} ms`).join(', ')
  console.log(`${String(width).padStart(3)} in flight: ${perSecond} commits/s, ${figures}`)
}

function voteBytes(): number {
  const draw = random.next()
  if (draw < 0.8) return random.integer(50, 600)
  if (draw < 0.95) return random.integer(1000, 9000)
  return draw < 0.995 ? random.integer(30_000, 120_000) : random.integer(500_000, 4_000_000)
}

/** Writes until `end`, then restarts. Returns the slots written and the latencies of the commits. */
async function soakRun(path: string, end: number): Promise<{ slots: number; latencies: number[] }> {
  const directory = await open(path)
  const loaded = directory.acceptor.load(firstGroup, firstEpoch)
  const first = (loaded.votes.at(-1)?.slot ?? loaded.truncatedUpTo - 1) + 1
  let next = first
  const latencies: number[] = []
  const writeLog = async (): Promise<void> => {
    while (performance.now() < end) {
      const from = next
      next += random.integer(1, 6)
      const writes: GroupWrite[] = []
      for (let slot = from; slot < next; slot++) writes.push(voteWrite(slot, 1, voteBytes()))
      // A new leader votes again in slots that are still open.
      if (random.chance(0.1)) writes.push(voteWrite(Math.max(0, from - random.integer(1, 50)), 2, voteBytes()))
      writes.push(mark('chosen', from))
      if (random.chance(0.05)) writes.push(mark('truncate', from - kept))
      const begun = performance.now()
      await commit(directory, writes)
      latencies.push(performance.now() - begun)
    }
  }
  const writeState = async (): Promise<void> => {
    while (performance.now() < end) {
      const changes = new Map<string, Uint8Array | null>()
      for (let i = 0; i < 50; i++) {
        const value = random.chance(0.2)
          ? null
          : new Uint8Array(random.integer(20, random.chance(0.01) ? 200_000 : 2000))
        changes.set(`key${random.integer(0, 20_000)}`, value)
      }
      const snapshot = random.chance(0.01) ? directory.state.snapshot(toSlot(0)) : undefined
      await new Promise<void>((resolve) => directory.state.commit(changes, () => resolve()))
      snapshot?.page(undefined, 100_000)
      snapshot?.close()
    }
  }
  await Promise.all([writeLog(), writeLog(), writeLog(), writeState()])
  await directory.close()
  return { slots: next - first, latencies }
}

interface Pages {
  readonly treeBranchPageCount?: number
  readonly treeLeafPageCount?: number
  readonly overflowPages?: number
  readonly lastPageNumber?: number
  readonly free?: { readonly entryCount?: number }
}

function pages(path: string): { text: string; usedBytes: number } {
  const environment = openEnvironment(path, { pageSize: 4096, readOnly: true })
  const stats: Pages = environment.getStats()
  const used = (stats.treeBranchPageCount ?? 0) + (stats.treeLeafPageCount ?? 0) + (stats.overflowPages ?? 0)
  environment.close().catch(() => {})
  const total = (stats.lastPageNumber ?? 0) + 1
  return {
    text: `${used} of ${total} pages used, ${stats.free?.entryCount} free-list records`,
    usedBytes: used * 4096,
  }
}

async function compact(path: string, into: string): Promise<void> {
  const environment = openEnvironment(path, { pageSize: 4096, readOnly: false })
  await environment.backup(into, true)
  await environment.close()
  console.log(
    `compacting copy: ${mib(statSync(into).size)} MiB of ${mib(statSync(path).size)} MiB, every page accounted for`,
  )
}

async function soak(path: string): Promise<boolean> {
  const acceptor = join(path, 'acceptor.mdb')
  const state = join(path, 'state.mdb')
  const sizes: { acceptor: number; state: number }[] = []
  const begun = performance.now()
  while (performance.now() - begun < seconds * 1000) {
    const started = performance.now()
    const { slots, latencies } = await soakRun(path, started + restartMs)
    latencies.sort((a, b) => a - b)
    sizes.push({ acceptor: statSync(acceptor).size, state: statSync(state).size })
    const rate = Math.round((latencies.length / (performance.now() - started)) * 1000)
    console.log(
      `${String(Math.round((performance.now() - begun) / 1000)).padStart(5)} s: acceptor ${mib(statSync(acceptor).size)} MiB, ` +
        `state ${mib(statSync(state).size)} MiB, ${slots} slots, ${rate} commits/s, ` +
        `p50 ${percentile(latencies, 50)} ms, p99 ${percentile(latencies, 99)} ms; ${pages(acceptor).text}`,
    )
  }
  await compact(acceptor, join(path, 'compacted.mdb'))
  const third = Math.max(1, Math.floor(sizes.length / 3))
  const early = sizes.slice(third, 2 * third)
  const late = sizes.slice(-third)
  return (['acceptor', 'state'] as const).every((file) => {
    const before = Math.max(...early.map((size) => size[file]))
    const after = Math.max(...late.map((size) => size[file]))
    console.log(`${file}: ${mib(before)} MiB in the second third, ${mib(after)} MiB in the last`)
    return after <= before * 1.1
  })
}

const root = values.dir ?? mkdtempSync(join(tmpdir(), 'paxos-soak-'))
try {
  for (const width of [1, 4, 16, 64]) await measure(join(root, `small-${width}`), width, 2000)
  const flat = await soak(join(root, 'soak'))
  console.log(flat ? 'flat' : 'GROWING')
  if (!flat) process.exitCode = 1
} finally {
  if (values.dir === undefined) rmSync(root, { recursive: true, force: true })
}
