import assert from 'node:assert/strict'
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { replaceFile } from './durable-file.ts'

test('a file that root replaces stays with the user to whom it belongs', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can give files away')
  const directory = mkdtempSync(join(tmpdir(), 'paxos-owner-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'identity.json')
  await replaceFile(path, 'first')
  assert.equal(statSync(path).uid, 0)
  writeFileSync(path, 'given away')
  chownSync(path, 1234, 1235)
  await replaceFile(path, 'second')
  const { uid, gid, mode } = statSync(path)
  assert.deepEqual([uid, gid, mode & 0o777, readFileSync(path, 'utf8')], [1234, 1235, 0o600, 'second'])
})
