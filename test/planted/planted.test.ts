/** Each planted bug is noticed, by what caught.json names, and nothing is noticed where none is planted. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { plant } from './bug.ts'
import { bugs } from './bugs.ts'
import { failingTests, readCaught, simulate } from './run.ts'
import { isProofCurrent } from './table.ts'

const caught = readCaught()

/**
 * Any change of what happens in a run moves the seeds that fail. These are tried after the one that is known, so that only a bug
 * that has become hard to notice fails here.
 */
function moreSeeds(known: number): number[] {
  return Array.from({ length: Math.max(40, 3 * known) }, (_, index) => index + 1)
}

/** With what other tests leave of the machine. */
const timeoutMs = 280_000

suite('planted bugs', { concurrency: 2 }, () => {
  for (const { name, what } of bugs) {
    test(`${name}: ${what}`, async (context) => {
      const { simulator, test: other } = caught[name] ?? {}
      if (simulator !== undefined) {
        const found = await simulate(name, [simulator.seed, ...moreSeeds(simulator.seed)], timeoutMs)
        assert.ok(found !== undefined, `the simulator does not notice it in seed ${simulator.seed}, nor in others`)
        if (found.seed !== simulator.seed) context.diagnostic(`seed ${found.seed} now, no longer ${simulator.seed}`)
        return
      }
      assert.ok(other !== undefined, 'nothing is known to notice it: run `node test/planted/search.ts`')
      const failed = await failingTests(name, other.file, timeoutMs)
      assert.ok(failed.includes(other.name), `"${other.name}" in ${other.file} does not fail`)
    })
  }

  // That the named tests pass without a bug is what the rest of the suite says.
  test('without a bug the same seeds pass', async () => {
    const seeds = new Set(bugs.flatMap(({ name }) => caught[name]?.simulator?.seed ?? []))
    assert.equal(await simulate(undefined, [...seeds]), undefined)
  })
})

test('a bug whose text is not in the module exactly once is not planted', () => {
  assert.throws(() => plant('a b a', [{ file: 'x.ts', find: 'a', replace: 'c' }]), /2 times, not once/)
  assert.throws(() => plant('a b a', [{ file: 'x.ts', find: 'd', replace: 'c' }]), /0 times, not once/)
  assert.equal(plant('a b a', [{ file: 'x.ts', find: 'b', replace: 'c' }]), 'a c a')
})

test('the table in docs/PROOF.md is that of caught.json', () => {
  assert.ok(isProofCurrent(caught), 'run `node test/planted/search.ts --table`')
})
