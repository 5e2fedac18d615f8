import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { statusOf } from '../../../test/doctor/facts.ts'
import { PaxosError } from '../../base/error.ts'
import { lockDirectory } from '../../daemon/store/directory-lock.ts'
import type { StatusJson } from '../../wire/api-types.ts'
import { commandRestarter, devRestarter, fillIn } from './restarter.ts'

const node: StatusJson['node'] = {
  name: 'n2',
  id: '2',
  pid: 7,
  incarnation: 3,
  version: '1.0.0',
  clientAddress: '10.0.0.2:7601',
  peerAddress: '[fd00::2]:7701',
  featureLevels: { min: 1, max: 1 },
}

test('placeholders become one word of the shell each', () => {
  assert.equal(fillIn('ssh {host} restart {name}', node), 'ssh fd00::2 restart n2')
  assert.equal(
    fillIn('{client} {peer}', { ...node, clientAddress: "a'; rm -rf b" }),
    `'a'\\''; rm -rf b' '[fd00::2]:7701'`,
  )
})

test('an address that nobody knows is not made up', () => {
  const silent = { ...node, clientAddress: null }
  assert.throws(() => fillIn('restart {client}', silent), { code: 'PRECONDITION_FAILED', message: /address of n2/ })
  assert.equal(fillIn('restart {peer}', silent), "restart '[fd00::2]:7701'")
})

test('a template with a slip, or without the node in it, is refused before anything is done', () => {
  assert.throws(() => commandRestarter('restart {nam}'), { code: 'USAGE', message: /"\{nam\}" is no placeholder/ })
  assert.throws(() => commandRestarter('restart {}'), { code: 'USAGE' })
  assert.throws(() => commandRestarter('restart n1'), { code: 'USAGE', message: /says nothing of which node/ })
})

test('the command runs in a shell; a failure is told with its last words, and one that hangs is ended', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'paxos-restarter-'))
  try {
    await commandRestarter(`echo {name} > ${folder}/out`)(node, 60_000)
    assert.equal(readFileSync(join(folder, 'out'), 'utf8'), 'n2\n')
    const failing = commandRestarter('echo no such unit {name} >&2; exit 5')(node, 60_000)
    await assert.rejects(failing, { code: 'PRECONDITION_FAILED', message: /exit status 5: .*\nno such unit n2/s })
    await assert.rejects(commandRestarter('sleep 600; echo {name}')(node, 50), { message: /signal SIGKILL/ })
    const left = commandRestarter(`sleep 600 & echo $! > ${folder}/pid-{name}`)
    // With a bound that is never reached: it is over when the shell is.
    await left(node, 2 ** 31 - 1)
    const pid = Number(readFileSync(join(folder, 'pid-n2'), 'utf8'))
    assert.ok(process.kill(pid, 0), 'what it left in the background lives')
    process.kill(pid)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the directory of a `paxos dev` is refused before anything is done, when none runs there with these nodes of this cluster', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'paxos-restarter-'))
  const admin = {
    status: async (endpoint: string): Promise<StatusJson> => {
      if (endpoint.includes('/n1/')) return statusOf('n1')
      throw new PaxosError('CANNOT_CONNECT', 'down')
    },
  }
  const ours = { clusterId: 'c', names: ['n1', 'n2'] }
  try {
    await assert.rejects(devRestarter(admin, folder, ours), { code: 'NOT_FOUND', message: /is not the directory/ })
    writeFileSync(join(folder, 'dev.json'), '{}')
    await assert.rejects(devRestarter(admin, folder, ours), { code: 'PRECONDITION_FAILED', message: /No `paxos dev`/ })
    const lock = await lockDirectory(folder)
    mkdirSync(join(folder, 'n1'))
    await assert.rejects(devRestarter(admin, folder, ours), { code: 'NOT_FOUND', message: /There is no node n2 in/ })
    mkdirSync(join(folder, 'n2'))
    const restart = await devRestarter(admin, folder, ours)
    await restart({ ...node, name: 'n2' }, 60_000)
    await assert.rejects(devRestarter(admin, folder, { ...ours, clusterId: 'd' }), { code: 'WRONG_CLUSTER' })
    await lock.release()
  } finally {
    rmSync(folder, { recursive: true })
  }
})
