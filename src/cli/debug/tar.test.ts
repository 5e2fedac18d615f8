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
    // The names of the last ones: as long as one field takes, one more, and as long as both take.
    const sizes = [0, 1, 511, 512, 513, 100_000, 4, 5, 6]
    const longest = `${'b'.repeat(155)}/${'c'.repeat(100)}`
    const names = new Map([
      [4, `${'a'.repeat(90)}/${'b'.repeat(9)}`],
      [5, `${'a'.repeat(90)}/${'b'.repeat(10)}`],
      [6, longest],
    ])
    const files = sizes.map((size) => ({
      name: names.get(size) ?? `some/folder/${size}.bin`,
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

test('a name that does not fit is never cut', () => {
  for (const name of ['a'.repeat(101), `${'a'.repeat(156)}/b`, `a/${'b'.repeat(101)}`, 'ä', '']) {
    assert.throws(() => tarOf([{ name, bytes: new Uint8Array() }], 0), /archive/, name)
  }
})
