import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { documentOf, type Finding, findingIds, worstFirst } from './finding.ts'

test('every finding has its section in the document, and every section its finding', () => {
  const headings = [...readFileSync('docs/DOCTOR.md', 'utf8').matchAll(/^### (.*)$/gm)].map((match) => match[1])
  assert.deepEqual(headings.toSorted(), [...findingIds].sort())
})

test('a finding leads to its section, as such pages make anchors of headings', () => {
  const [file, anchor] = documentOf('QUORUM_LOST').split('#')
  assert.ok(existsSync(file ?? ''))
  assert.equal(anchor, 'QUORUM_LOST'.toLowerCase())
})

test('the worst comes first, and otherwise the order stays', () => {
  const finding = (subject: string, severity: Finding['severity']): Finding => {
    return { id: 'DISK_LOW', severity, subject, message: '', evidence: '', fix: '' }
  }
  const sorted = worstFirst([
    finding('a', 'info'),
    finding('b', 'warning'),
    finding('c', 'error'),
    finding('d', 'warning'),
  ])
  assert.deepEqual(
    sorted.map(({ subject }) => subject),
    ['c', 'b', 'd', 'a'],
  )
})
