import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { paxos } from './paxos.ts'

interface ManifestCommand {
  readonly id: string
  readonly summary?: string
  readonly examples?: readonly unknown[]
  readonly enableJsonFlag?: boolean
  readonly flags: Readonly<Record<string, { readonly name: string; readonly summary?: string }>>
  readonly args: Readonly<Record<string, { readonly description?: string }>>
}

function manifest(): readonly ManifestCommand[] {
  const { commands } = JSON.parse(readFileSync('oclif.manifest.json', 'utf8')) as {
    commands: Record<string, ManifestCommand>
  }
  return Object.values(commands)
}

function check(...args: string[]): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, ['scripts/check-manifest.js', ...args], { encoding: 'utf8' })
}

test('the manifest is what the compiled commands say', async () => {
  await paxos(['--version'])
  const { status, stderr } = check()
  assert.equal(status, 0, stderr)
})

test('a manifest that misses a flag is noticed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'paxos-manifest-'))
  const file = join(folder, 'manifest.json')
  try {
    writeFileSync(file, readFileSync('oclif.manifest.json', 'utf8').replaceAll('if-version', 'when-version'))
    assert.equal(check('--file', file).status, 1)
    assert.equal(check('--write', '--file', file).status, 0)
    assert.equal(readFileSync(file, 'utf8'), readFileSync('oclif.manifest.json', 'utf8'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

// Scripts depend on names: whoever takes one away shall see it in this list.
test('commands, arguments and flags are those of test/cli/commands.txt', () => {
  const lines = manifest().map(({ id, args, flags }) => {
    const names = [
      ...Object.keys(args).map((name) => name.toUpperCase()),
      ...Object.keys(flags)
        .map((name) => `--${name}`)
        .sort(),
    ]
    return [`paxos ${id.replaceAll(':', ' ')}`, ...names.map((name) => `  ${name}`)].join('\n')
  })
  const wanted = `${lines.sort().join('\n')}\n`
  if (process.env['UPDATE'] === '1') writeFileSync('test/cli/commands.txt', wanted)
  assert.equal(readFileSync('test/cli/commands.txt', 'utf8'), wanted)
})

test('every command has a summary, examples and --json, and every flag and argument says what it is', () => {
  for (const { id, summary, examples, enableJsonFlag, flags, args } of manifest()) {
    assert.ok(summary?.endsWith('.'), `${id}: summary`)
    assert.ok((examples?.length ?? 0) > 0, `${id}: examples`)
    assert.equal(enableJsonFlag, true, `${id}: --json`)
    for (const flag of Object.values(flags)) assert.ok(flag.name === 'json' || flag.summary, `${id}: --${flag.name}`)
    for (const [name, arg] of Object.entries(args)) assert.ok(arg.description, `${id}: ${name}`)
  }
})

test('arguments are shown in the order in which they are typed', async () => {
  const several = manifest().filter(({ args }) => Object.keys(args).length > 1)
  assert.ok(several.length > 1)
  for (const { id } of several) {
    const words = id.split(':')
    const { default: command } = await import(`${pathToFileURL(join('dist', 'commands', ...words))}.js`)
    const declared = Object.keys(command.args).map((name) => name.toUpperCase())
    const { stdout } = await paxos([...words, '--help'])
    const usage = stdout.slice(stdout.indexOf('USAGE'), stdout.indexOf('ARGUMENTS'))
    const shown = usage.split(/[^A-Z0-9_-]+/).filter((word) => declared.includes(word))
    assert.deepEqual(shown, declared, id)
  }
})

test('every command file is in the manifest', () => {
  const files = readdirSync('src/commands', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const ids = files.map((name) => name.replace(/\.ts$/, '').replaceAll('/', ':'))
  assert.deepEqual(
    manifest()
      .map(({ id }) => id)
      .sort(),
    ids.sort(),
  )
})
