import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { tarOf } from './tar.ts'

test("the system's tar takes the archive apart again", () => {
  const folder = mkdtempSync(join(tmpdir(), 'paxos-tar-'))
  try {
    const files = [0, 1, 511, 512, 513, 100_000].map((size) => ({
      name: `some/folder/${size}.bin`,
      bytes: Uint8Array.from({ length: size }, (_, at) => at % 251),
    }))
    const listed = execFileSync('tar', ['-xvf', '-', '-C', folder], { input: tarOf(files, 1_700_000_000_000) })
    assert.deepEqual(
      listed.toString().trim().split('\n'),
      files.map(({ name }) => name),
    )
    for (const { name, bytes } of files) {
      const path = join(folder, name)
      assert.deepEqual(new Uint8Array(readFileSync(path)), bytes)
      assert.equal(statSync(path).mode & 0o777, 0o600)
      assert.equal(statSync(path).mtimeMs, 1_700_000_000_000)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
