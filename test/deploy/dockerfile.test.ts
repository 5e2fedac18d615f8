import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseAddress } from '../../src/daemon/config-setting.ts'
import { nodeSettings } from '../../src/daemon/config-table.ts'
import { document } from '../api/openapi-check.ts'
import { flagsOf } from './command-flags.ts'

interface Instruction {
  readonly name: string
  readonly args: string
}

const text = readFileSync('deploy/Dockerfile', 'utf8')
const instructions: readonly Instruction[] = text
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => ({ name: line.split(' ')[0] ?? '', args: line.slice(line.indexOf(' ') + 1) }))
const finalStart = instructions.findLastIndex(({ name }) => name === 'FROM')
const build = instructions.slice(0, finalStart)
const final = instructions.slice(finalStart)
const pack = JSON.parse(readFileSync('package.json', 'utf8')) as { devDependencies: Record<string, string> }

function of(name: string, list: readonly Instruction[] = final): readonly string[] {
  return list.filter((instruction) => instruction.name === name).map(({ args }) => args)
}

function port(address: string | undefined): number | undefined {
  return parseAddress(address ?? '')?.port
}

test('both stages have the Node that package.json pins', () => {
  const images = of('FROM', instructions).map((args) => args.split(' ')[0])
  assert.equal(images.length, 2)
  for (const image of images) assert.equal(image, `node:${pack.devDependencies['node']}-bookworm-slim`)
})

test('it runs without rights, as process 1, and is stopped by a signal that it knows', () => {
  assert.deepEqual(of('USER'), ['10001:10001'])
  assert.deepEqual(of('STOPSIGNAL'), ['SIGTERM'])
  const order = final.map(({ name }) => name)
  assert.ok(order.indexOf('USER') < order.indexOf('ENTRYPOINT'))
  // In the form of a list: a shell in between would keep the signal.
  assert.deepEqual(JSON.parse(of('ENTRYPOINT')[0] ?? ''), ['paxos'])
})

test('the command and its flags exist', () => {
  const [topic, command, ...args] = JSON.parse(of('CMD')[0] ?? '') as string[]
  assert.deepEqual([topic, command], ['node', 'start'])
  for (const flag of args.filter((arg) => arg.startsWith('--')))
    assert.ok(flagsOf('node:start').has(flag.slice(2)), flag)
})

test('ports are those that a node has by default, and the check asks a path that exists', () => {
  const ports = [port(nodeSettings.listenClient.fallback), port(nodeSettings.listenPeer.fallback)]
  assert.deepEqual(of('EXPOSE')[0]?.split(' ').map(Number), ports)
  const asked = /http:\/\/127\.0\.0\.1:(\d+)(\/\w+)'/.exec(of('HEALTHCHECK')[0] ?? '')
  assert.equal(Number(asked?.[1]), ports[0])
  assert.equal(asked?.[2], '/livez')
  assert.ok(Object.hasOwn(document.paths, '/livez'))
})

test('what is copied is there, and is not kept out of the build', () => {
  const ignored = readFileSync('deploy/Dockerfile.dockerignore', 'utf8').split('\n').filter(Boolean)
  for (const args of of('COPY', build)) {
    for (const source of args.split(' ').slice(0, -1)) assert.ok(existsSync(source), source)
  }
  for (const wanted of ['bin', 'config', 'src', 'scripts', 'package.json', 'package-lock.json', 'LICENSE']) {
    assert.ok(existsSync(wanted) && !ignored.includes(wanted), wanted)
  }
  // Compiled or installed here, on another system perhaps.
  for (const unwanted of ['**/node_modules', '**/dist', '.git']) assert.ok(ignored.includes(unwanted), unwanted)
  const made = new Set(['node_modules', 'dist'])
  for (const args of of('COPY')) {
    assert.match(args, /^--from=build /)
    for (const source of args.split(' ').slice(1, -1)) {
      const path = source.replace('/src/', '')
      assert.ok(made.has(path) || existsSync(path), source)
    }
  }
})

test('nothing is fetched but packages by their lock file, and no package runs code', () => {
  assert.deepEqual(of('ADD', instructions), [])
  const runs = of('RUN', instructions).join(' && ')
  assert.doesNotMatch(runs, /curl|wget|apt-get|npm (install|i) /)
  for (const [npm] of runs.matchAll(/npm [^&]*/g)) assert.match(npm, /--ignore-scripts/)
})
