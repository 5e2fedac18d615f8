import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { collectBundle } from '../../src/cli/debug/bundle.ts'
import { archiveOf } from '../../src/cli/debug/write-bundle.ts'
import { json, paxos } from '../cli/paxos.ts'
import { patienceMs, withCluster } from '../cluster/cluster.ts'
import { until } from '../cluster/until.ts'
import { diagnosisOf, noGaps, statusOf } from './facts.ts'

const source = {
  status: async () => statusOf('n1'),
  diagnosis: async () => diagnosisOf('n1'),
  gaps: async () => noGaps,
}

test('what does not fit is left out, cut off or late, and the bundle says so', async () => {
  const signal = new AbortController().signal
  const large = { ...source, text: async () => ({ text: 'x'.repeat(3000), isWhole: false }) }
  const full = await collectBundle(large, ['http://h:0'], { bytesMax: 10_000, signal })
  assert.ok(full.files.reduce((sum, { bytes }) => sum + bytes.length, 0) <= 10_000)
  assert.ok(full.missing.some((line) => /left out, the bundle would be too large/.test(line)))
  assert.ok(full.missing.some((line) => /cut off at 1048576 bytes/.test(line)))
  const silent = { ...source, status: () => new Promise<never>(() => {}), text: large.text }
  await assert.rejects(
    collectBundle(silent, ['http://h:0'], { bytesMax: 10_000, signal: AbortSignal.timeout(1) }),
    /did not answer in time/,
  )
})

test('a name that somebody made up leads nowhere', async () => {
  const signal = new AbortController().signal
  const named = { ...statusOf('n1'), node: { ...statusOf('n1').node, name: '../../n1' }, members: [] }
  const wild = { ...source, status: async () => named, text: async () => ({ text: '', isWhole: true }) }
  const { files } = await collectBundle(wild, ['http://h:0'], { bytesMax: 1e6, signal })
  const nodes = files.map(({ name }) => name).filter((name) => name.startsWith('nodes/'))
  assert.ok(nodes.length > 0)
  for (const name of nodes) assert.match(name, /^nodes\/1\/[a-z-]+\.[a-z]+$/)
})

test('the longest name that a member may have is whole in the archive', async () => {
  const name = 'n'.repeat(63)
  const named = { ...statusOf('n1'), node: { ...statusOf('n1').node, name }, members: [] }
  const one = { ...source, status: async () => named, text: async () => ({ text: '', isWhole: true }) }
  const signal = new AbortController().signal
  const { files, clusterId } = await collectBundle(one, ['http://h:0'], { bytesMax: 1e6, signal })
  const archive = await archiveOf(files, { version: '1.2.3', clusterId, missing: [] }, Date.now())
  const listed = execFileSync('tar', ['-tzf', '-'], { input: archive }).toString()
  assert.match(listed, new RegExp(`^paxos-bundle-[^/]+/nodes/1-${name}/log-lines\\.ndjson$`, 'm'))
})

test('a bundle has every member that answers, names the dead one, and has no data and no secrets', async () => {
  await withCluster({ nodes: 3 }, async (cluster) => {
    await cluster.startAll()
    await cluster.client().put('a-key-of-ours', 'a-value-of-ours')
    const dead = cluster.except((await cluster.leader()).name)[0]
    assert.ok(dead !== undefined)
    await dead.kill()
    const endpoints = cluster.endpoints.join(',')
    const file = join(cluster.directory, 'bundle.tar.gz')
    const args = ['debug', 'bundle', file, '--endpoints', endpoints, '--timeout', '5s']
    const dry = await paxos([...args, '--dry-run'])
    assert.equal(dry.exit, 0, dry.stderr)
    assert.match(dry.stdout, /^nodes\/\S+\/metrics\.txt: \S+ bytes$/m)
    assert.match(dry.stdout, /: would have \d+ files of .*; \S+ bytes, and nothing was written\n$/)
    assert.equal(existsSync(file), false)
    await until('the leader misses the dead member', patienceMs, async () => {
      const leader = (await (await cluster.leader()).status()).members
      return leader.some(({ name, reachable }) => name === dead.name && !reachable)
    })
    const ran = await paxos([...args, '--json'])
    assert.equal(ran.exit, 0, ran.stderr)
    const result = json(ran)
    assert.deepEqual(result['silent'], [dead.name])
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal(result['bytes'], statSync(file).size)

    execFileSync('tar', ['-xzf', file, '-C', cluster.directory])
    const folder = readdirSync(cluster.directory).find((name) => name.startsWith('paxos-bundle-'))
    const root = join(cluster.directory, folder ?? '')
    const names = readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    assert.equal(names.length, result['files'])
    for (const { name } of cluster.except(dead.name)) {
      const folder = `${name.slice(1)}-${name}`
      for (const each of [
        'status.json',
        'diagnosis.json',
        'space.json',
        'config.json',
        'ready.json',
        'metrics.txt',
        'log-lines.ndjson',
      ]) {
        assert.ok(names.includes(`nodes/${folder}/${each}`), `${name} ${each}`)
      }
      const config = JSON.parse(readFileSync(join(root, 'nodes', folder, 'config.json'), 'utf8'))
      assert.deepEqual([config.settings.name, config.settings.clusterToken], [name, '(hidden)'])
      assert.match(readFileSync(join(root, 'nodes', folder, 'log-lines.ndjson'), 'utf8'), /"msg":"serving"/)
    }
    assert.match(readFileSync(join(root, 'ABOUT.txt'), 'utf8'), new RegExp(`-${dead.name}: everything: Cannot connect`))
    assert.match(readFileSync(join(root, 'doctor.txt'), 'utf8'), /MEMBER_UNREACHABLE/)
    const everything = names.map((name) => readFileSync(join(root, name), 'utf8')).join()
    assert.doesNotMatch(everything, /of-ours|test-cluster/)

    assert.equal((await paxos(args)).exit, 6, 'it does not overwrite')
    const piped = await paxos(['debug', 'bundle', '-', '--endpoints', endpoints])
    assert.match(piped.stderr, /no answer from/)
    const copy = join(cluster.directory, 'copy.tar.gz')
    writeFileSync(copy, piped.bytes)
    assert.match(execFileSync('tar', ['-tzf', copy], { encoding: 'utf8' }), /ABOUT\.txt/)
    assert.equal((await paxos(['debug', 'bundle', '-', '--json', '--endpoints', endpoints])).exit, 2)

    const ofDead = await paxos(['debug', 'bundle', '-', '--data-dir', dead.dataDir])
    assert.equal(ofDead.exit, 0, ofDead.stderr)
    writeFileSync(copy, ofDead.bytes)
    const listed = execFileSync('tar', ['-tzf', copy], { encoding: 'utf8' })
    assert.match(listed, /^[^/]+\/gaps\.json\n/m)
    for (const each of ['directory', 'status', 'epochs', 'space', 'chain']) {
      assert.match(listed, new RegExp(`/nodes/1-${dead.name}/${each}\\.json\n`))
    }
    const contents = execFileSync('tar', ['-xzOf', copy], { encoding: 'utf8' })
    assert.match(contents, /metrics\.txt, log-lines\.ndjson: the node is stopped, and its directory has none/)
    assert.doesNotMatch(contents, /of-ours|test-cluster/)
  })
})
