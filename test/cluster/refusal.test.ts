/** A data directory that is not this node's, or not whole, is refused by the binary in words, and left as it is. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { DoctorReport } from '../../src/cli/doctor/report.ts'
import { lockDirectory } from '../../src/daemon/store/directory-lock.ts'
import { json, paxos } from '../cli/paxos.ts'
import { Cluster, patienceMs, withCluster } from './cluster.ts'
import type { NodeProcess, ProcessOptions } from './node-process.ts'
import { until } from './until.ts'

let cluster: Cluster
/** Data of a node that ran and was stopped. */
let template: string

before(async () => {
  cluster = await Cluster.create({ nodes: 3 })
  await cluster.startAll()
  await cluster.client().put('k', 'v')
  for (const node of cluster.nodes) await node.stop()
  template = cluster.node('n1').dataDir
})

after(async () => {
  await cluster.destroy()
})

interface Refusal {
  readonly code?: number
  readonly says: RegExp
  readonly hint: RegExp
  readonly changes?: Partial<ProcessOptions>
  readonly damage?: (directory: string) => Promise<void>
}

/** Starts n1 on a copy of its data, changed as the case says, and checks what comes of it. */
async function expectRefusal(name: string, { code = 6, says, hint, changes, damage }: Refusal): Promise<void> {
  const dataDir = join(cluster.directory, `case-${name.replaceAll(' ', '-')}`)
  await cp(template, dataDir, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  await damage?.(dataDir)
  const before = await contents(dataDir)
  const node = cluster.node('n1')
  node.start({ dataDir, ...changes })
  const exit = await node.exited()
  assert.deepEqual(exit, { code, signal: null }, node.log)
  const said = node.log.split('\n').slice(-40).join('\n').replace(/\s+/g, ' ')
  assert.match(said, says)
  assert.match(said, hint)
  assert.doesNotMatch(said, /\bat .*\.js:\d+/, 'a stack trace is no message for an operator')
  assert.deepEqual(await contents(dataDir), before, 'a refused directory was changed')
}

/** Hashes of everything that matters: lock files come and go. */
async function contents(directory: string): Promise<Record<string, string>> {
  const files = (await readdir(directory)).filter((name) => !/lock|\.sock$/.test(name)).sort()
  const hashed = files.map(async (name) => {
    const bytes = await readFile(join(directory, name))
    return [name, createHash('sha256').update(bytes).digest('hex')] as const
  })
  return Object.fromEntries(await Promise.all(hashed))
}

async function editIdentity(directory: string, edit: (identity: Record<string, unknown>) => object): Promise<void> {
  const file = join(directory, 'identity.json')
  await writeFile(file, JSON.stringify(edit(JSON.parse(await readFile(file, 'utf8')))))
}

const cases: Readonly<Record<string, Refusal>> = {
  'a foreign cluster token': {
    changes: { token: 'another-cluster' },
    says: /belongs to cluster [0-9a-f]{32}, this node to [0-9a-f]{32}/,
    hint: /Check the cluster token/,
  },
  'other members': {
    changes: { members: 'n1=127.0.0.1:1,n2=127.0.0.1:2,n3=127.0.0.1:3' },
    says: /belongs to cluster/,
    hint: /token and members/,
  },
  'other quorum sizes': {
    changes: { settings: { q1: 3, q2: 1 } },
    says: /belongs to cluster/,
    hint: /./,
  },
  'quorums that may miss each other': {
    code: 2,
    changes: { settings: { q1: 1, q2: 2 } },
    says: /quorum/i,
    hint: /q1=2 and q2=2/,
  },
  'a name that is no member': {
    code: 2,
    changes: { name: 'n9' },
    says: /This node is named n9, but bootstrapMembers has only n1, n2, n3/,
    hint: /Name one of the members/,
  },
  'a newer format': {
    damage: (directory) => editIdentity(directory, (identity) => ({ ...identity, formatVersion: 3 })),
    says: /it has format 3, this version knows 2/,
    hint: /newer version of paxos/,
  },
  'an identity that was half written': {
    damage: async (directory) => {
      await truncate(join(directory, 'identity.json'), 20)
    },
    says: /identity\.json: it is damaged/,
    hint: /backup|new id/,
  },
  'an acceptor file that was half written': {
    damage: async (directory) => {
      await truncate(join(directory, 'acceptor.mdb'), 100)
    },
    says: /acceptor\.mdb/,
    hint: /new id|[Rr]estore/,
  },
  'a state file that is cut off in its first pages': {
    damage: async (directory) => {
      await truncate(join(directory, 'state.mdb'), 12_000)
    },
    says: /state\.mdb: it has 12000 bytes/,
    hint: /move its state\.mdb and state\.mdb-lock away/,
  },
  'an acceptor file that is gone': {
    damage: async (directory) => {
      await rm(join(directory, 'acceptor.mdb'))
    },
    says: /acceptor\.mdb/,
    hint: /new id|[Rr]estore/,
  },
}

for (const [name, refusal] of Object.entries(cases)) {
  test(`the binary refuses ${name}`, async () => {
    await expectRefusal(name, refusal)
  })
}

test("the binary refuses another node's directory", async () => {
  const node = cluster.node('n1')
  node.start({ dataDir: cluster.node('n2').dataDir })
  assert.equal((await node.exited()).code, 6)
  assert.match(node.log.replace(/\s+/g, ' '), /it belongs to node 2 \(n2\), this is node 1 \(n1\)/)
  assert.match(node.log.replace(/\s+/g, ' '), /Each node has a data directory of its own/)
})

test('a second process on the same directory is refused, and the first goes on', async () => {
  await serveAlone(async (first) => {
    const second = cluster.node('n3')
    second.start({ name: 'n1', dataDir: first.dataDir })
    assert.equal((await second.exited()).code, 6)
    const said = second.log.replace(/\s+/g, ' ')
    assert.match(said, new RegExp(`process ${await first.pid()} holds it`))
    assert.match(said, /belongs to one running node/)
    await cluster.client().put('k', 'again')
  })
})

test('a node that is started while a command reads its directory waits until that is done', async () => {
  const node = cluster.node('n1')
  const lock = await lockDirectory(node.dataDir, { isReading: true })
  node.start()
  await until('it waits', patienceMs, () =>
    node.log.includes(`waiting for a command that reads (process ${process.pid}) to let go of the directory`),
  )
  const another = await paxos(['space', '--files', '--data-dir', node.dataDir])
  assert.equal(another.exit, 6)
  assert.match(another.stderr, /a command that reads \(process \d+\) holds it/)
  await lock.release()
  await until('it goes on', patienceMs, () => node.log.includes('"msg":"serving"'))
  assert.deepEqual(await node.stop(), { code: 0, signal: null })
})

test('a port in use is refused in words', async () => {
  await serveAlone(async (first) => {
    const third = cluster.node('n3')
    third.start({ clientPort: first.clientPort })
    assert.equal((await third.exited()).code, 6)
    assert.match(third.log, new RegExp(`${first.clientPort}`))
  })
})

test('the directory that was refused starts again with what it belongs to', async () => {
  await cluster.startAll()
  const item = await cluster.client().get('k')
  assert.equal(item?.text(), 'again')
  for (const node of cluster.nodes) assert.deepEqual(await node.stop(), { code: 0, signal: null })
})

test('there are no stray processes of the binary on these directories', () => {
  const { stdout } = spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
  assert.ok(!stdout.includes(cluster.directory), 'a node outlived its refusal')
})

/** n1 and n2 serve while `body` runs. */
async function serveAlone(body: (first: NodeProcess) => Promise<void>): Promise<void> {
  const nodes = [cluster.node('n1'), cluster.node('n2')]
  for (const node of nodes) node.start()
  await cluster.ready(nodes)
  try {
    await body(cluster.node('n1'))
  } finally {
    for (const node of nodes) await node.stop()
  }
}

test('a wiped node is refused under its old id, however often it and the others restart', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const [first, second, wiped] = cluster.nodes
    assert.ok(first !== undefined && second !== undefined && wiped !== undefined)
    await cluster.client().put('k', 'v')
    await wiped.kill()
    await rm(wiped.dataDir, { recursive: true })
    for (const node of [first, second]) {
      await node.kill()
      node.start()
    }
    await cluster.ready([first, second])
    // Its own count of incarnations climbs above every one that the others have seen.
    const refusals = (by: NodeProcess): number => wiped.log.split(`${by.name} refused this node: OTHER_DISK`).length - 1
    for (let start = 1; start <= 3; start++) {
      wiped.start()
      await until('it is refused by both', 10_000, async () => refusals(first) >= start && refusals(second) >= start)
      assert.equal((await wiped.readiness()).ready, false)
      if (start === 1) {
        const endpoints = ['--endpoints', `${first.url},${second.url}`]
        await until('the doctor says so, and nothing else of it', 20_000, async () => {
          const { findings } = json(await paxos(['doctor', '--json', ...endpoints])) as unknown as DoctorReport
          const ofMembers = findings.filter(({ id }) => /^(MEMBER|LINK|QUORUM)_/.test(id))
          const ids = ofMembers.map(({ id, subject }) => `${id} ${subject}`)
          return ids.toSorted().join() === 'MEMBER_SHUNNED n3,QUORUM_MARGIN cluster'
        })
        const added = await paxos([
          'member',
          'add',
          'n3',
          '--address',
          `127.0.0.1:${wiped.peerPort}`,
          '--yes',
          ...endpoints,
        ])
        assert.equal(added.exit, 6, added.stderr)
        assert.match(added.stderr, /The leader refuses n3: OTHER_DISK: .*[\s\S]*paxos member remove n3/)
      }
      await wiped.kill()
    }
    assert.equal((await cluster.clientOf(first).get('k'))?.text(), 'v')
  })
})

test('an older copy of a data directory is refused, however often it and the others start, and the real one is not', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    const [first, second, copied] = cluster.nodes
    assert.ok(first !== undefined && second !== undefined && copied !== undefined)
    await copied.stop()
    const older = `${copied.dataDir}.older`
    await cp(copied.dataDir, older, { recursive: true, filter: (path) => !path.endsWith('.sock') })
    copied.start()
    await cluster.ready()
    await cluster.client().put('k', 'v')
    await copied.stop()
    for (const node of [first, second]) {
      await node.kill()
      node.start()
    }
    await cluster.ready([first, second])
    const codes = /STALE_INCARNATION|DUPLICATE_NODE|OLDER_COPY/
    const refusals = (by: NodeProcess): number =>
      copied.log.split(new RegExp(`${by.name} refused this node: (?:${codes.source})`)).length - 1
    for (let start = 1; start <= 3; start++) {
      copied.start({ dataDir: older })
      await until('it is refused by both', 10_000, async () => refusals(first) >= start && refusals(second) >= start)
      assert.match((await copied.readiness()).reason ?? '', codes)
      await copied.kill()
    }
    copied.start()
    await cluster.ready()
  })
})
