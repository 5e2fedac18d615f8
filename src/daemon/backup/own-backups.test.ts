import assert from 'node:assert/strict'
import { test } from 'node:test'
import { incrementsSinceFull, OwnBackups, superfluous } from './own-backups.ts'

/** `F` a full backup, `i` an increment, oldest first; says which are left of them. */
function left(kinds: string, keep: number): string {
  const backups = [...kinds].map((kind, at) => ({ name: `${at}`, madeAt: at, isIncrement: kind === 'i' }))
  const gone = new Set(superfluous(backups, keep))
  return backups.map((backup, at) => (gone.has(backup) ? '.' : kinds[at])).join('')
}

test('the oldest go, but never what one that stays goes on from', () => {
  assert.equal(left('FFFFF', 3), '..FFF')
  assert.equal(left('FiiFii', 4), 'FiiFii')
  assert.equal(left('FiiFii', 3), '...Fii')
  assert.equal(left('FiiFii', 2), '...Fii')
  assert.equal(left('FiiFiiF', 1), '......F')
  assert.equal(left('FiiFiiF', 3), '...FiiF')
  assert.equal(left('F', 3), 'F')
  assert.equal(left('', 3), '')
})

test('increments that have lost their base are of no use, and go like any other', () => {
  assert.equal(left('iiii', 2), '..ii')
  assert.equal(left('iiFi', 2), '..Fi')
})

test('names tell time and kind, and others are left alone', () => {
  const own = new OwnBackups('n1', '0123456789abcdef')
  const at = Date.UTC(2026, 10, 25, 22, 47, 0, 123)
  const [full, increment] = [own.nameOf(at, false), own.nameOf(at + 1, true)]
  assert.equal(full, 'n1-01234567-20261125T224700123Z.paxos')
  assert.equal(increment, 'n1-01234567-20261125T224700124Z.increment.paxos')
  const others = ['n1-01234567-notes.paxos', 'n10-01234567-20261125T224700123Z.paxos', `${full}.txt`]
  const found = own.among([increment, ...others, full])
  assert.deepEqual(found, [
    { name: full, madeAt: at, isIncrement: false },
    { name: increment, madeAt: at + 1, isIncrement: true },
  ])
  assert.equal(incrementsSinceFull(found), 1)
  assert.equal(incrementsSinceFull(found.slice(1)), undefined)
})
