/** `paxos cluster top` on real nodes. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { TopSample } from '../../src/cli/top/top-sampler.ts'
import { paxos, startPaxos } from '../cli/paxos.ts'
import { withCluster } from './cluster.ts'
import { until } from './until.ts'
import { Load } from './workload.ts'

test('top shows what each member does, a line each or an object a sample, and who is silent', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const leader = await cluster.leader()
    const load = new Load(cluster.client(), { readers: cluster.nodes.map((node) => cluster.clientOf(node)) })
    await load.progress(20)
    const top = (endpoints: readonly string[], ...args: readonly string[]) =>
      paxos(['cluster', 'top', '--endpoints', endpoints.join(','), ...args])
    try {
      // On a busy machine a node may do nothing for longer than a sample lasts.
      await until('every member does something', 60_000, async () => {
        const ran = await top(cluster.endpoints, '--json', '--count', '2', '--interval', '500ms')
        assert.deepEqual([ran.exit, ran.stderr], [0, ''])
        const samples = ran.stdout.trim().split('\n')
        assert.equal(samples.length, 2)
        for (const sample of samples) checkSample(JSON.parse(sample), leader.name)
        return true
      })
    } finally {
      await load.stop()
    }

    // It stands still, which is worse to ask than a process that is gone.
    const still = cluster.except(leader.name)[0]
    still?.signal('SIGSTOP')
    const startedAt = performance.now()
    const lines = await top([still?.url ?? '', leader.url], '--once')
    still?.signal('SIGCONT')
    assert.equal(lines.exit, 10)
    assert.ok(performance.now() - startedAt < 15_000)
    const [heading = '', ...rows] = lines.stdout.trimEnd().split('\n')
    assert.match(heading, /^TIME +NODE +ROLE +WRITES\/S/)
    assert.equal(rows.length, 3)
    assert.match(rows.find((row) => row.includes(` ${leader.name} `)) ?? '', /^\d\d:\d\d:\d\d +n\d +leader +0 /)
    assert.match(rows.find((row) => row.includes(` ${still?.name} `)) ?? '', /no answer +\?/)
  })
})

function checkSample({ members }: TopSample, leader: string): void {
  assert.deepEqual(
    members.map(({ member, answers }) => [member, answers]),
    [
      ['n1', true],
      ['n2', true],
      ['n3', true],
    ],
  )
  const leading = members.find(({ member }) => member === leader)
  assert.ok(leading?.role === 'leader' && (leading.batch ?? 0) >= 1)
  for (const member of members) {
    assert.ok((member.flushesPerSecond ?? 0) > 0 && (member.flushMs ?? 0) > 0 && (member.flushP99Ms ?? 0) > 0)
    assert.ok((member.appliedPerSecond ?? 0) > 0 && (member.memoryBytes ?? 0) > 1e7)
  }
  const sum = (of: (member: TopSample['members'][number]) => number | null): number =>
    members.reduce((total, member) => total + (of(member) ?? 0), 0)
  assert.ok(sum((member) => member.writesPerSecond) > 0 && sum((member) => member.readsPerSecond) > 0)
}

test('top goes on through a restart, ends with Ctrl-C, and refuses what makes no sense', async () => {
  await withCluster({ nodes: 1 }, async (cluster) => {
    const node = cluster.node('n1')
    await cluster.startAll()
    const child = startPaxos(['cluster', 'top', '--json', '--interval', '300ms', '--endpoints', node.url])
    assert.ok(child.stdout)
    const samples: TopSample[] = []
    const lines = createInterface({ input: child.stdout })
    const seen = async (what: string, holds: (sample: TopSample) => boolean): Promise<void> => {
      for (let n = 0; n < 100; n++) {
        const [line] = await once(lines, 'line')
        const sample: TopSample = JSON.parse(String(line))
        samples.push(sample)
        if (holds(sample)) return
      }
      assert.fail(`${what}: never in 100 samples`)
    }
    await seen('it leads', ({ members }) => members[0]?.role === 'leader' && members[0].writesPerSecond === 0)
    await node.kill()
    await seen('it is silent', ({ members }) => members[0]?.answers === false)
    node.start()
    await seen('it answers again', ({ members }) => members[0]?.role === 'leader' && members[0].writesPerSecond === 0)
    assert.ok(samples.every(({ members }) => members.every(({ writesPerSecond }) => (writesPerSecond ?? 0) >= 0)))
    const ended = once(child, 'exit')
    child.kill('SIGINT')
    assert.deepEqual(await ended, [0, null])

    const wrong = await paxos(['cluster', 'top', '--once', '--count', '2', '--endpoints', node.url])
    assert.equal(wrong.exit, 2)
    assert.equal((await paxos(['cluster', 'top', '--interval', '10ms', '--endpoints', node.url])).exit, 2)
    await node.stop()
    const nobody = await paxos(['cluster', 'top', '--once', '--endpoints', node.url])
    assert.deepEqual([nobody.exit, nobody.stdout], [3, ''])
    assert.match(nobody.stderr, /No node answered/)
  })
})
