import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PaxosError } from '../../src/base/error.ts'
import { openDataDirectory } from '../../src/daemon/store/data-directory.ts'
import { toNodeId } from '../../src/protocol/ids.ts'

/** The schedule that t22-wiped-acceptor.txt shows must not be possible: this is what stands in its way. */
test('a node that lost its acceptor store is refused: it may not vote again under its id (T22)', async () => {
  const root = await mkdtemp(join(tmpdir(), 'paxos-wiped-'))
  try {
    const path = join(root, 'data')
    const expected = { clusterId: 'c1', nodeId: toNodeId(2), name: 'n2' }
    const open = () => openDataDirectory({ path, expected, onFailure: (error) => assert.fail(error.message) })
    await (await open()).close()
    await rm(join(path, 'acceptor.mdb'))
    await assert.rejects(open, (error) => {
      assert.ok(error instanceof PaxosError && error.code === 'DATA_DIR_REFUSED', String(error))
      assert.match(error.message, /promises of this node are lost/)
      return true
    })
  } finally {
    await rm(root, { recursive: true, force: true })
  }
})
