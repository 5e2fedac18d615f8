import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { environment, paxos } from './paxos.ts'

const folder = mkdtempSync(join(tmpdir(), 'paxos-pack-'))
const installed = join(folder, 'package')
after(() => rmSync(folder, { recursive: true, force: true }))

before(async () => {
  await paxos(['--version'])
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder])
  const [archive] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  execFileSync('tar', ['-xzf', archive ?? '', '-C', folder], { cwd: folder })
  // What npm would install beside it.
  symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'))
})

function runInstalled(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const program = join(installed, 'bin', 'run.js')
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', cwd: folder, env: environment() })
}

test('the package runs where it is installed, without sources or tools', () => {
  assert.match(runInstalled('--version').stdout, /^paxosd\/\d+\.\d+\.\d+ /)
  assert.match(runInstalled('kv', 'import', '--help').stdout, /--on-bad/)
  assert.equal(runInstalled('node', 'start').status, 2)
  assert.equal(runInstalled('kv', 'get', 'a', '--endpoints', '127.0.0.1:9').status, 3)
})

test('the package exports the client', () => {
  const code = `import { PaxosClient } from ${JSON.stringify(join(installed, 'dist/client/client.js'))}; console.log(typeof PaxosClient)`
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8', cwd: folder })
  assert.equal(run.stdout, 'function\n', run.stderr)
})

test('the package has what it needs, and no sources, tests or build marks', () => {
  const names = readdirSync(installed, { recursive: true, encoding: 'utf8' })
  for (const wanted of [
    'oclif.manifest.json',
    'LICENSE',
    'config/node.example.yaml',
    'deploy/systemd/paxos.service',
    'docs/LIMITS.md',
    'dist/client/client.d.ts',
  ]) {
    assert.ok(names.includes(wanted), `${wanted} is missing`)
  }
  assert.deepEqual(
    names.filter((name) => /^(src|test|bench)\b|\.test\.|\.build-stamp/.test(name)),
    [],
  )
})
