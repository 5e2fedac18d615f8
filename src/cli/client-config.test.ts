import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadClientConfig, normalEndpoint } from './client-config.ts'

const folder = mkdtempSync(join(tmpdir(), 'paxos-client-config-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const nothing = { endpoints: undefined, timeoutMs: undefined, file: undefined }

test('an endpoint can be written short', () => {
  assert.equal(normalEndpoint('localhost:7601', '/'), 'http://localhost:7601')
  assert.equal(normalEndpoint('http://[::1]:7601/', '/'), 'http://[::1]:7601')
  assert.equal(normalEndpoint('unix:/run/paxos.sock', '/srv'), 'unix:/run/paxos.sock')
  assert.equal(normalEndpoint('unix:.paxos/dev/n1/paxos.sock', '/srv'), 'unix:/srv/.paxos/dev/n1/paxos.sock')
})

test('what is no endpoint is refused', () => {
  for (const text of ['', 'localhost', 'https://a:1', 'http://a:0', 'a:70000', 'unix:', 'http://a:1/path']) {
    assert.throws(() => normalEndpoint(text, '/'), /is not an endpoint/, text)
  }
})

test('without flags and file, the first development node is asked', async () => {
  assert.deepEqual(await loadClientConfig(nothing, folder), { endpoints: ['http://127.0.0.1:7601'], timeoutMs: 10_000 })
})

test('flags come before the file, and the section of nodes may be there, too', async () => {
  const file = join(folder, 'some.yaml')
  writeFileSync(file, 'endpoints: [a:1, b:2]\ntimeoutMs: 500\nnode: {name: n1}\n')
  assert.deepEqual(await loadClientConfig({ ...nothing, file }, folder), {
    endpoints: ['http://a:1', 'http://b:2'],
    timeoutMs: 500,
  })
  const flags = { endpoints: 'c:3', timeoutMs: 700, file }
  assert.deepEqual(await loadClientConfig(flags, folder), { endpoints: ['http://c:3'], timeoutMs: 700 })
})

test('a wrong file is named with what is wrong in it', async () => {
  for (const [text, wanted] of [
    ['endpoint: a:1', /wrong\.yaml: endpoint is not a setting; did you mean endpoints\?/],
    ['endpoints: []', /endpoints is not a list of addresses/],
    ['timeoutMs: soon', /timeoutMs is not a whole number/],
    ['[1]', /must hold keys and values/],
    ['a: [', /Cannot read the configuration file/],
  ] as const) {
    const file = join(folder, 'wrong.yaml')
    writeFileSync(file, text)
    await assert.rejects(loadClientConfig({ ...nothing, file }, folder), wanted)
  }
})
