import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { errorCodes } from '../../src/base/error.ts'
import { paxos, startPaxos } from './paxos.ts'
import { type Refusal, testRefusals } from './refusals.ts'

const folder = mkdtempSync(join(tmpdir(), 'paxos-exit-'))
after(() => rmSync(folder, { recursive: true, force: true }))

writeFileSync(join(folder, 'wrong.yaml'), 'node:\n  nmae: n1\n')
writeFileSync(join(folder, 'bad.tsv'), 'a\t1\nno tab here\n')
/** Nothing listens on the discard port. */
const nobody = 'http://127.0.0.1:9'

const cases: readonly Refusal[] = [
  [['kv', 'gett', 'a'], 2, 'USAGE', /"kv gett a" is not a command/],
  [['kv', 'put'], 2, 'USAGE', /Missing 1 required arg/],
  [['kv', 'put', 'a'], 2, 'USAGE', /either as an argument or with --file/],
  [['kv', 'get', 'a', '--colour'], 2, 'USAGE', /Nonexistent flag: --colour/],
  [['kv', 'get', 'a', 'b'], 2, 'USAGE', /Unexpected argument: b/],
  [['kv', 'get', 'a', '--timeout', 'soon'], 2, 'USAGE', /^--timeout: "soon" is not a duration/],
  [['kv', 'get', 'a', '--revision', '0'], 2, 'USAGE', /"0" is not a whole number from 1/],
  [['kv', 'get', '?', '--key64', '--endpoints', nobody], 2, 'USAGE', /"\?" is not base64/],
  [['kv', 'get', 'a', '--endpoints', 'https://x'], 2, 'USAGE', /"https:\/\/x" is not an endpoint/],
  [['kv', 'get', 'a', '--config', join(folder, 'none.yaml')], 2, 'BAD_CONFIG', /Cannot read the configuration file/],
  [['kv', 'delete'], 2, 'USAGE', /Give either a key or a range/],
  [['kv', 'delete', '--all'], 2, 'USAGE', /This would delete every key/],
  [['kv', 'txn', join(folder, 'none.json')], 2, 'USAGE', /Cannot read .*none\.json/],
  [['kv', 'import', join(folder, 'none.tsv')], 2, 'USAGE', /Cannot read .*none\.tsv/],
  [['kv', 'import', join(folder, 'bad.tsv')], 2, 'BAD_REQUEST', /Line 2 is bad: there is no tab.*Nothing was written/],
  [['kv', 'get', 'a', '--endpoints', nobody, '--timeout', '500ms'], 3, 'CANNOT_CONNECT', /127\.0\.0\.1:9/],
  [['cluster', 'status', '--endpoints', nobody], 3, 'CANNOT_CONNECT', /127\.0\.0\.1:9/],
  [['node', 'status', '--endpoints', `unix:${folder}/paxos.sock`], 3, 'CANNOT_CONNECT', /paxos\.sock/],
  [['log', 'inspect', '--from', '5', '--to', '5'], 2, 'USAGE', /--to 5 is not above --from 5/],
  [['log', 'inspect', '--data-dir', join(folder, 'nothing')], 6, 'DATA_DIR_REFUSED', /it does not exist/],
  [['doctor', '--endpoints', nobody], 3, 'CANNOT_CONNECT', /No node answered: .*127\.0\.0\.1:9/],
  [['doctor', '--data-dir', join(folder, 'nothing')], 3, 'CANNOT_CONNECT', /There is no data directory at .*nothing/],
  [['doctor', '--mute', 'DISK_LOW'], 2, 'USAGE', /--mute: --for/],
  [['doctor', '--mute', 'NOTHING', '--for', '1h'], 2, 'USAGE', /Expected --mute=NOTHING to be one of: QUORUM_LOST/],
  [['doctor', '--mute', 'DISK_LOW', '--for', '31d'], 2, 'USAGE', /"31d" is not a duration .* up to 30d$/],
  [['debug', 'bundle', join(folder, 'b.tar.gz'), '--endpoints', nobody], 3, 'CANNOT_CONNECT', /No node answered/],
  [['debug', 'bundle', join(folder, 'bad.tsv')], 6, 'PRECONDITION_FAILED', /bad\.tsv is there already/],
  [
    ['upgrade', 'run', '--abandon', '--dry-run'],
    2,
    'USAGE',
    /--abandon=true cannot also be provided when using --dry-run/,
  ],
  [
    ['node', 'restart', '--resume', '--dry-run'],
    2,
    'USAGE',
    /--resume=true cannot also be provided when using --dry-run/,
  ],
  [['node', 'restart', 'n3', '--resume'], 2, 'USAGE', /as a whole: give no node/],
  [['node', 'restart', '--rolling', '--resume', '--endpoints', nobody], 3, 'CANNOT_CONNECT', /127\.0\.0\.1:9/],
  [['quorum', 'explain', '--nodes', '4', '--q1', '2', '--q2', '2'], 2, 'USAGE', /not safe: .* got 2 \+ 2 for 4/],
  [['quorum', 'explain', '--nodes', '5', '--q2f', '3'], 2, 'USAGE', /3 \+ 2·3 = 9 for 2·5 = 10/],
  [['quorum', 'explain', '--nodes', '32'], 2, 'USAGE', /more than a cluster may have, 31/],
  [['log', 'verify', '--from', '5', '--to', '4'], 2, 'USAGE', /--to 4 is below --from 5/],
  [['log', 'verify', '--endpoints', nobody], 3, 'CANNOT_CONNECT', /127\.0\.0\.1:9/],
  [['log', 'verify', '--content', '--to', '4'], 2, 'USAGE', /--to=4 cannot also be provided when using --content/],
  [['log', 'verify', '--data-dir', join(folder, 'nothing')], 6, 'DATA_DIR_REFUSED', /it does not exist/],
  [['log', 'compact'], 2, 'USAGE', /Give either a revision or --keep/],
  [['log', 'compact', '5', '--keep', '1'], 2, 'USAGE', /Give either a revision or --keep/],
  [['log', 'compact', 'soon'], 2, 'USAGE', /"soon" is not a revision/],
  [['node', 'start'], 2, 'BAD_CONFIG', /clusterToken is missing/],
  [
    ['node', 'start', '--config', join(folder, 'wrong.yaml')],
    2,
    'BAD_CONFIG',
    /wrong\.yaml: node\.nmae is not a setting; did you mean name\?/,
  ],
  [['dev', '--data-dir', folder], 6, 'DATA_DIR_REFUSED', /was not made by `paxos dev`/],
]

testRefusals(folder, cases)

test('PAXOS_ENDPOINTS and a configuration file say whom to ask, in this order', async () => {
  const cwd = mkdtempSync(join(folder, 'config-'))
  writeFileSync(join(cwd, 'paxos.yaml'), 'endpoints: [127.0.0.1:7]\n')
  const fromFile = await paxos(['cluster', 'status'], { cwd })
  assert.match(fromFile.stderr, /127\.0\.0\.1:7:/)
  const fromEnv = await paxos(['cluster', 'status'], { cwd, env: { PAXOS_ENDPOINTS: '127.0.0.1:9' } })
  assert.match(fromEnv.stderr, /127\.0\.0\.1:9:/)
})

test('an unknown command suggests the nearest and runs nothing', async () => {
  const { stderr, exit } = await paxos(['kv', 'delte', 'everything', 'there', 'is'])
  assert.match(stderr, /Did you mean `paxos kv delete`\?/)
  assert.equal(exit, 2)
})

test('nothing is coloured without a terminal', async () => {
  for (const args of [
    ['--help'],
    ['kv', 'put', '--help'],
    ['kv', 'put'],
    ['cluster', 'status', '--endpoints', nobody],
  ]) {
    const { stdout, stderr } = await paxos(args)
    assert.equal((stdout + stderr).includes('\x1b'), false, args.join(' '))
  }
})

test('a reader that goes before the end is no failure', async () => {
  for (const args of [['--help'], ['kv', 'put', '--help'], ['quorum', 'explain', '--nodes', '31'], ['--version']]) {
    const child = startPaxos(args)
    assert.ok(child.stdout && child.stderr)
    child.stdout.destroy()
    const [stderr, [exit]] = await Promise.all([text(child.stderr), once(child, 'close')])
    assert.deepEqual([exit, /Warning|Error/.test(stderr)], [0, false], `${args.join(' ')}: ${stderr}`)
  }
})

test('a topic alone lists its commands', async () => {
  const { stdout, exit } = await paxos(['kv'])
  assert.equal(exit, 0)
  assert.match(stdout, /kv import/)
})

test('the table of exit statuses in the documents names every code at its status', () => {
  const rows = readFileSync('docs/OPERATIONS.md', 'utf8').matchAll(
    /^\| (\d+) \| [^|]+ \| ((?:`[A-Z_]+`(?:, )?)+) \|$/gm,
  )
  const documented = [...rows].flatMap(([, exit, codes = '']) => codes.split(', ').map((code) => `${code} ${exit}`))
  const wanted = Object.entries(errorCodes).map(([code, { exit }]) => `\`${code}\` ${exit}`)
  assert.deepEqual(documented.sort(), wanted.sort())
})
