import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { test } from 'node:test'
import { isUnfinishedFile, unfinishedFile } from './unfinished-file.ts'

test('a file that is made to become the state database is known by its name, and so is its lock, and no other file', () => {
  for (const kind of ['install', 'copy'] as const) {
    const name = basename(unfinishedFile('/data', kind, 12))
    assert.ok(isUnfinishedFile(name) && isUnfinishedFile(`${name}-lock`), name)
    assert.equal(isUnfinishedFile(`${name}.old`) || isUnfinishedFile(`my-${name}`), false)
  }
  assert.deepEqual(['state.mdb', 'state.mdb-lock', 'acceptor.mdb'].filter(isUnfinishedFile), [])
})
