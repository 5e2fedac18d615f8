/** No acknowledgement leaves a node before the flush that it depends on, as the kernel saw it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Cluster, withCluster } from '../cluster/cluster.ts'
import type { NodeProcess } from '../cluster/node-process.ts'
import { until } from '../cluster/until.ts'
import { acceptedBegins, answerBegin, orderProblems } from './order.ts'
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

/** Runs one traced node alone and returns what is wrong with the order of its calls. */
async function problemsOfOneNode(cluster: Cluster, execArgv: readonly string[]): Promise<string[]> {
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
  assert.equal(orderProblems(calls, early).length >= early.length, true, 'the check passes answers that are too early')
  return orderProblems(calls, acknowledgements)
}

test('a node answers a write only after its pages, the fdatasync and the O_DSYNC meta write', { skip }, async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    assert.deepEqual(await problemsOfOneNode(cluster, []), [])
  })
})

test('the check of the order fails for a node that commits without flushing', { skip }, async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    const plant = join(import.meta.dirname, 'plant-no-sync.ts')
    const problems = await problemsOfOneNode(cluster, ['--import', plant])
    assert.match(cluster.node('n1').log, /planted: noSync/)
    assert.ok(problems.length >= writes, `only ${problems.length} problems were noticed`)
    assert.match(problems.at(-1) ?? '', /no fdatasync came after its pages/)
  })
})

test('a follower says "accepted" only after its pages, the fdatasync and the O_DSYNC meta write', {
  skip,
}, async () => {
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
    assert.deepEqual(orderProblems(calls, acknowledgements), [])
  })
})
