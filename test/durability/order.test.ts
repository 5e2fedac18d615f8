/** No acknowledgement leaves a node before the flush that it depends on, as the kernel saw it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Cluster, withCluster } from '../cluster/cluster.ts'
import type { NodeProcess } from '../cluster/node-process.ts'
import { until } from '../cluster/until.ts'
import { acceptedBegins, answerBegin, folderProblems, journalProblems } from './order.ts'
import { type Call, parseTrace } from './trace.ts'

const writes = 20

/** With -D the tracer is the child and the node keeps its own process id, so that signals and exit codes are the node's. */
function strace(file: string): readonly string[] {
  const calls = 'pwrite64,pwritev,writev,fdatasync,msync,openat,sendto,sendmsg,write'
  return ['strace', '-D', '-f', '-y', '-xx', '-s', '16384', '-e', `trace=${calls}`, '-e', 'signal=none', '-o', file]
}

/** A reason to skip only where tracing is impossible; where strace is merely missing, the test must fail. */
function whyNotTraced(): string | false {
  if (process.platform !== 'linux') return 'strace exists on Linux only'
  const { error, status, stderr } = spawnSync('strace', ['-o', '/dev/null', 'true'], { encoding: 'utf8' })
  if (error !== undefined) {
    const canInstall = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).error === undefined
    assert.ok(!canInstall, 'strace is not installed: install it with `apt-get install strace`')
    return 'strace is not installed and cannot be installed here'
  }
  return status === 0 ? false : `this machine does not allow tracing: ${stderr.trim()}`
}

const skip = whyNotTraced()

/** Writes one at a time, so that each acknowledgement has a commit of its own. Returns slots and revisions. */
async function putAll(node: NodeProcess): Promise<{ marker: string; slot: number; revision: number }[]> {
  const done: { marker: string; slot: number; revision: number }[] = []
  for (let n = 0; n < writes; n++) {
    const marker = `marker-${String(n).padStart(4, '0')}-`
    const response = await fetch(`${node.url}/v1/kv/key-${n}`, { method: 'PUT', body: marker.repeat(4) })
    assert.equal(response.status, 200)
    const { slot, revision } = (await response.json()) as { slot: number; revision: number }
    done.push({ marker, slot, revision })
  }
  return done
}

async function traceOf(file: string): Promise<readonly Call[]> {
  return parseTrace(await readFile(file, 'utf8'))
}

interface TracedRun {
  readonly calls: readonly Call[]
  readonly acknowledgements: readonly { readonly marker: string; readonly begin: number }[]
}

/** Runs one node alone, from its first start to a clean stop. */
async function traceOneNode(cluster: Cluster, execArgv: readonly string[]): Promise<TracedRun> {
  const file = join(cluster.directory, 'trace')
  const node = cluster.node('n1')
  node.start({ wrapper: strace(file), execArgv })
  await cluster.ready()
  const done = await putAll(node)
  assert.equal((await node.stop()).code, 0)
  const calls = await traceOf(file)
  const acknowledgements = done.map(({ marker, revision }) => {
    const begin = answerBegin(calls, revision)
    assert.ok(begin !== undefined, `the answer with revision ${revision} is not in the trace`)
    return { marker, begin }
  })
  const early = acknowledgements.slice(1).map(({ marker }, at) => ({ marker, begin: acknowledgements[at]?.begin ?? 0 }))
  assert.ok(journalProblems(calls, early).length >= early.length, 'the check passes answers that are too early')
  return { calls, acknowledgements }
}

const markersOf = ({ acknowledgements }: TracedRun): string[] => acknowledgements.map(({ marker }) => marker)

test('a node answers a write only after it is in the journal, and has all in acceptor.mdb when it stops', {
  skip,
}, async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    const run = await traceOneNode(cluster, [])
    assert.deepEqual(journalProblems(run.calls, run.acknowledgements), [])
    assert.deepEqual(folderProblems(run.calls, markersOf(run)), [])
  })
})

test('the checks of the order fail for a node whose journal does not flush, or whose LMDB does not', {
  skip,
}, async () => {
  for (const plant of ['journal', 'lmdb']) {
    await withCluster({ nodes: 1 }, async (cluster) => {
      const run = await traceOneNode(cluster, ['--import', join(import.meta.dirname, `plant-no-sync-${plant}.ts`)])
      assert.match(cluster.node('n1').log, /planted: no sync/)
      const journal = journalProblems(run.calls, run.acknowledgements)
      const folder = folderProblems(run.calls, markersOf(run))
      const [wrong, right] = plant === 'journal' ? [journal, folder] : [folder, journal]
      assert.deepEqual(right, [])
      assert.ok(wrong.length >= writes, `only ${wrong.length} problems were noticed`)
    })
  }
})

test('a follower says "accepted" only after its vote is in the journal', { skip }, async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    const file = join(cluster.directory, 'trace')
    const follower = cluster.node('n3')
    // The others first: together they elect one of themselves, and the traced node finds a leader.
    for (const node of cluster.except('n3')) node.start()
    const leader = await cluster.leader()
    follower.start({ wrapper: strace(file) })
    await cluster.ready()
    const done = await putAll(leader)
    await until('the follower has all', 10_000, async () => {
      const applied = (await follower.status()).groups[0]?.applied ?? 0
      return applied > (done.at(-1)?.slot ?? 0)
    })
    assert.equal((await follower.stop()).code, 0)
    const calls = await traceOf(file)
    const begins = acceptedBegins(calls, leader.peerPort)
    const acknowledgements = done.flatMap(({ marker, slot }) => {
      const begin = begins.get(slot)
      return begin === undefined ? [] : [{ marker, begin }]
    })
    // A follower that was slow may have learned a slot from the leader's decision instead of voting.
    assert.ok(acknowledgements.length >= writes / 2, `only ${acknowledgements.length} votes are in the trace`)
    assert.deepEqual(journalProblems(calls, acknowledgements), [])
  })
})
