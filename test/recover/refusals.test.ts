/** What a recovery refuses, and what happens to one that is interrupted. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { copyFile, cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { StatusJson } from '../../src/wire/api-types.ts'
import { paxos, startPaxos } from '../cli/paxos.ts'
import { patienceMs, withCluster } from '../cluster/cluster.ts'
import { until } from '../cluster/until.ts'
import { assertKept, dirs, ok, planFile, putMany, reasonOf, refused } from './fixture.ts'

test('a plan is made only when it is needed, of one history, with everybody accounted for', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const [n1, n2, n3] = [cluster.node('n1'), cluster.node('n2'), cluster.node('n3')]
    await putMany(n1, 0, 5)
    const plan = ['recover', 'plan', '--dead']
    const live = ['--endpoints', cluster.endpoints.join(','), '--dry-run']
    await refused(6, /n3 is named as dead, and its state is given/, [...plan, 'n3', ...live])
    await refused(6, /There is a quorum still: start n1, n2/, [
      ...plan,
      'n3',
      '--endpoints',
      `${n1.url},${n2.url}`,
      '--dry-run',
    ])
    const heard = /n1 (leads|follows n\d, which leads): there is a quorum still\. n1 hears n2, n3, named as dead/
    await refused(6, heard, [...plan, 'n2,3', '--endpoints', n1.url, '--out', planFile(cluster)])
    assert.ok(!existsSync(planFile(cluster)))
    await refused(6, /refused: n1 hears n2, n3[\s\S]*try again in a few seconds/, [
      ...plan,
      'n2,n3',
      '--endpoints',
      n1.url,
      '--dry-run',
    ])
    await refused(6, /process \d+ holds it/, [...plan, 'n2,n3', '--data-dir', n1.dataDir, '--dry-run'])
    await refused(2, /not said where to write/, [...plan, 'n2,n3', '--endpoints', n1.url])
    await n2.stop()
    const old = join(cluster.directory, 'old')
    await cp(n2.dataDir, old, { recursive: true })
    n2.start()
    await cluster.ready([n2])
    for (const node of cluster.nodes) await node.stop()
    await refused(6, /n2 is an older or another copy: n\d met it in incarnation 2/, [
      ...plan,
      'n3',
      ...dirs([n1]),
      '--data-dir',
      old,
      '--dry-run',
    ])
    await refused(6, /n2 is given twice/, [...plan, 'n1,n3', ...dirs([n2]), '--data-dir', old, '--dry-run'])
    await refused(6, /n3 is not accounted for/, [...plan, 'n2', ...dirs([n1]), '--dry-run'])
    await refused(6, /does not exist/, [...plan, 'n2', '--data-dir', join(cluster.directory, 'no'), '--dry-run'])
    await refused(3, /Cannot connect/, [...plan, 'n2,n3', '--endpoints', n1.url, '--dry-run'])
    const shown = await paxos([...plan, 'n2,n3', ...dirs([n1]), '--dry-run'])
    assert.equal(shown.exit, 0)
    assert.match(shown.stdout, /1 of 3 acceptors are left; q1 2, q2 2; dead: n2, n3/)
    assert.match(shown.stdout, /the dead alone may have chosen more, and nothing can say what/)
    assert.ok(!n3.running)
  })
})

test('a plan is applied to the directories that it was made with, unchanged, and to no other', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const [n1, n2] = [cluster.node('n1'), cluster.node('n2')]
    await putMany(n1, 0, 5)
    for (const node of cluster.nodes) await node.stop()
    const file = planFile(cluster)
    const plan = (name: string): readonly string[] => [
      'recover',
      'plan',
      '--dead',
      'n2,n3',
      ...dirs([n1]),
      '--out',
      name,
    ]
    await ok(plan(file))
    await refused(2, /it is there already/, plan(file))
    const apply = (name: string, ...more: readonly string[]): string[] => [
      'recover',
      'apply',
      name,
      ...dirs([n1]),
      ...more,
    ]
    await refused(2, /no terminal to ask on/, apply(file))
    await refused(6, /it is of n2, which the plan names as dead/, ['recover', 'apply', file, ...dirs([n2]), '--yes'])
    await refused(2, /Cannot read/, apply(join(cluster.directory, 'none'), '--yes'))

    const damaged = planFile(cluster, 'damaged.json')
    await writeFile(damaged, (await readFile(file, 'utf8')).replace('"raisedBy": 1000000000000', '"raisedBy": 0'))
    await refused(6, /damaged: its checksum does not match/, apply(damaged, '--yes'))
    await writeFile(damaged, 'not a plan')
    await refused(6, /no recovery plan, or it is damaged/, apply(damaged, '--yes'))

    // The others were not dead after all: an election has raised what the plan rests on.
    await cluster.startAll()
    await refused(6, /process \d+ holds it/, apply(file, '--yes'))
    await putMany(n1, 5, 8)
    for (const node of cluster.nodes) await node.stop()
    await refused(6, /n1 has promised or voted since the plan was made/, apply(file, '--yes'))
    const second = planFile(cluster, 'second.json')
    await ok(plan(second))
    await ok(apply(second, '--dry-run'))
    await ok(apply(second, '--yes'))
    await refused(6, /another plan was applied to it/, apply(file, '--yes'))
    n1.start()
    await cluster.ready([n1])
    await assertKept(n1, 0, 8)
    const checked = await paxos(['recover', 'verify', file, '--endpoints', n1.url])
    assert.equal(checked.exit, 10)
    n2.start()
    await reasonOf(n2, /n2 was left behind/)
    const both = await paxos(['recover', 'verify', second, '--endpoints', `${n1.url},${n2.url}`])
    assert.equal(both.exit, 10)
    assert.match(both.stdout, /it runs at .*, in the old cluster: stop it/)
  })
})

test('an apply that is killed at any moment is run again, and until it is done no node starts on the directory', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const n1 = cluster.node('n1')
    await putMany(n1, 0, 10)
    for (const node of cluster.nodes) await node.kill()
    const file = planFile(cluster)
    await ok(['recover', 'plan', '--dead', 'n2,n3', ...dirs([n1]), '--out', file])
    const before = join(cluster.directory, 'before.json')
    await copyFile(join(n1.dataDir, 'identity.json'), before)
    const apply = ['recover', 'apply', file, ...dirs([n1]), '--yes']
    for (const ms of [150, 200, 250, 300, 350, 400, 500]) {
      const child = startPaxos(apply)
      const closed = once(child, 'close')
      child.stdout?.resume()
      child.stderr?.resume()
      await pause(ms)
      child.kill('SIGKILL')
      await closed
    }
    await ok(apply)
    // As if it had died between the transaction and the file.
    await copyFile(before, join(n1.dataDir, 'identity.json'))
    n1.start()
    await n1.exited()
    assert.match(n1.log, /a recovery of it was interrupted/)
    const finished = await ok(apply)
    assert.deepEqual(
      (finished['members'] as { found: string }[]).map(({ found }) => found),
      ['interrupted'],
    )
    const again = await ok(apply)
    assert.deepEqual(
      (again['members'] as { found: string }[]).map(({ found }) => found),
      ['applied'],
    )
    n1.start()
    await cluster.ready([n1])
    await assertKept(n1, 0, 10)
  })
})

test('a plan is made from running nodes, two of five, and they take a new member in afterwards', async () => {
  await withCluster({ nodes: 5 }, async (cluster) => {
    await cluster.startAll()
    await putMany(cluster.node('n1'), 0, 10)
    const [n1, n4] = [cluster.node('n1'), cluster.node('n4')]
    for (const node of cluster.except('n1', 'n4')) await node.kill()
    const file = planFile(cluster)
    const endpoints = [cluster.endpoints.join(','), `unix:${join(n1.dataDir, 'paxos.sock')}`].join(',')
    await until('nobody is heard any more', patienceMs, async () => {
      const seen = await Promise.all([n1, n4].map((node) => node.status()))
      const up = ({ members }: StatusJson): number => members.filter(({ reachable }) => reachable).length
      return seen.every((status) => up(status) === 2 && status.groups[0]?.leader === null)
    })
    const plan = await ok(['recover', 'plan', '--dead', 'n2,n3,n5', '--endpoints', endpoints, '--out', file])
    assert.equal((plan['survivors'] as unknown[]).length, 2)
    await n1.stop()
    await n4.kill()
    const first = await ok(['recover', 'apply', file, ...dirs([n1]), '--yes'])
    assert.deepEqual(first['left'], ['n4'])
    // Whoever starts too early is told what is missing.
    n1.start()
    n4.start()
    await reasonOf(n4, /run `paxos recover apply` on the directory of n4 first/)
    await n4.stop()
    await ok(['recover', 'apply', file, ...dirs([n4]), '--yes'])
    n4.start()
    await ok(['recover', 'verify', file, '--endpoints', cluster.endpoints.join(','), '--wait', '30s'])
    for (const node of [n1, n4]) await assertKept(node, 0, 10)
    const joiner = await cluster.joiner('n6')
    joiner.start()
    await until('n6 waits', patienceMs, () => joiner.log.includes('waiting to be let in'))
    const members = ['--address', `127.0.0.1:${joiner.peerPort}`, '--yes', '--catch-up-within', '60s']
    await ok(['member', 'add', 'n6', ...members, '--endpoints', `${n1.url},${n4.url}`, '--timeout', '30s'])
    await cluster.ready([joiner])
    await assertKept(joiner, 0, 10)
    // A quorum that is lost again is recovered again, also with a node that was let in later.
    for (const node of [n1, n4, joiner]) await node.stop()
    const again = planFile(cluster, 'again.json')
    await ok(['recover', 'plan', '--dead', 'n1,n4', ...dirs([joiner]), '--out', again])
    await ok(['recover', 'apply', again, ...dirs([joiner]), '--yes'])
    joiner.start()
    await ok(['recover', 'verify', again, '--endpoints', joiner.url, '--wait', '30s'])
    await assertKept(joiner, 0, 10)
  })
})
