import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { exportRecords } from './export.ts'
import type { Lister, ScanItem } from './scan.ts'

const folder = mkdtempSync(join(tmpdir(), 'paxos-export-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** Two pages of one record each. */
function twoPages(): { readonly client: Lister<ScanItem>; asked(): number } {
  let asked = 0
  const client: Lister<ScanItem> = {
    list: async () => {
      asked++
      const key = Buffer.from(`k${asked}`)
      return { items: [{ key, value: Buffer.from('v') }], more: asked < 2, revision: 9 }
    },
  }
  return { client, asked: () => asked }
}

test('every page is written to the file, which is closed', async () => {
  const path = join(folder, 'all.tsv')
  const done = await exportRecords(twoPages().client, {}, { format: 'tsv', path })
  assert.deepEqual(done, { records: 2, bytes: 10, revision: 9 })
  assert.equal(readFileSync(path, 'utf8'), 'k1\tv\nk2\tv\n')
})

test('a file that cannot be opened is an error before anything is read', async () => {
  const { client, asked } = twoPages()
  const path = join(folder, 'missing', 'all.tsv')
  await assert.rejects(exportRecords(client, {}, { format: 'tsv', path }), {
    code: 'USAGE',
    message: /Cannot write .*ENOENT/,
  })
  assert.equal(asked(), 0)
})

test('a disk that is full ends the export with its reason', { skip: process.platform !== 'linux' }, async () => {
  const writing = exportRecords(twoPages().client, {}, { format: 'tsv', path: '/dev/full' })
  await assert.rejects(writing, { code: 'USAGE', message: /Cannot write \/dev\/full.*ENOSPC/ })
})
