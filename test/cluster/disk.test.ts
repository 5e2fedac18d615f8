/** A disk that fails stops its node at once: it acknowledges nothing more, the others go on, and a restart continues. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { type Cluster, withCluster } from './cluster.ts'
import { assertSameContent, Load } from './workload.ts'

const noStrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status !== 0 && 'strace does not work here'

/** Every thread's `when`-th call fails; with one thread in the pool that is the node's. */
function inject(call: string, error: string, when: string): { wrapper: string[]; env: Record<string, string> } {
  const rule = `inject=${call}:error=${error}:when=${when}`
  return {
    wrapper: ['strace', '-D', '-f', '-o', '/dev/null', '-e', `trace=${call}`, '-e', 'signal=none', '-e', rule],
    env: { UV_THREADPOOL_SIZE: '1' },
  }
}

/** With the signal ignored, a write past the limit fails with EFBIG, as it would with ENOSPC on a full disk. */
const limitedFiles = ['sh', '-c', `trap '' XFSZ; ulimit -f 400; exec "$0" "$@"`]

/** The single node under a client that writes one key after another, until the node ends. Returns what was acknowledged. */
async function writeUntilEnd(cluster: Cluster): Promise<string[]> {
  const node = cluster.node('n1')
  const acknowledged: string[] = []
  const writer = async (id: number): Promise<void> => {
    for (let n = 0; ; n++) {
      const key = `k/${id}/${n}`
      const answer = await fetch(`${node.url}/v1/kv/${encodeURIComponent(key)}`, {
        method: 'PUT',
        body: key.repeat(50),
      })
      if (answer.status === 200) acknowledged.push(key)
      await answer.arrayBuffer()
    }
  }
  const exit = node.exited()
  const writers = Array.from({ length: 8 }, (_, id) => assert.rejects(writer(id)))
  const { code, signal } = await exit
  // While writes go on failing, the process sometimes aborts in native code on its way out. It has stopped all the same.
  assert.ok(code === 1 || signal === 'SIGABRT', `the node ended with code ${code}, signal ${signal}`)
  await Promise.all(writers)
  return acknowledged
}

for (const [what, run, skip] of [
  ['a flush that fails (EIO)', inject('fdatasync', 'EIO', '60'), noStrace],
  ['a single write that fails (EIO)', inject('pwrite64', 'EIO', '120'), noStrace],
  ['a disk that refuses all writes from one moment on (EIO)', inject('pwrite64', 'EIO', '80+'), noStrace],
  ['a disk that is full (EFBIG)', { wrapper: limitedFiles, env: {} }, false],
] as const) {
  test(`${what} ends the node with status 1, and everything it acknowledged is there afterwards`, {
    skip,
  }, async () => {
    await withCluster({ nodes: 1 }, async (cluster) => {
      const node = cluster.node('n1')
      // Its files are made, so that what fails is a write of a node that runs.
      node.start()
      await cluster.ready()
      await node.stop()
      node.start(run)
      await cluster.ready()
      const acknowledged = await writeUntilEnd(cluster)
      assert.ok(acknowledged.length > 10, `only ${acknowledged.length} writes before the disk failed`)
      assert.match(node.log, /Cannot commit/)
      node.start()
      await cluster.ready()
      const client = cluster.client()
      for (const key of acknowledged) assert.ok((await client.get(key)) !== undefined, `${key} is lost`)
    })
  })
}

test('a leader whose disk fails under load is replaced, and no acknowledged write is lost', {
  skip: noStrace,
}, async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    // Alone with one other it is elected first; the third comes later.
    const doomed = cluster.node('n1')
    doomed.start(inject('fdatasync', 'EIO', '150'))
    cluster.node('n2').start()
    cluster.node('n3').start()
    await cluster.ready()
    const load = new Load(cluster.client(), {
      readers: cluster.nodes.map((node) => cluster.clientOf(node, { timeoutMs: 1000 })),
    })
    assert.deepEqual(await doomed.exited(), { code: 1, signal: null })
    await load.progress(200)
    doomed.start()
    await cluster.ready()
    await load.progress(100)
    await load.stop()
    await load.verify()
    await assertSameContent(cluster)
  })
})
