/**
 * Small scopes searched to the end over the real engine. About a minute on one core; `EXHAUSTIVE=long` adds larger scopes,
 * which take five minutes and 1 GB. `UPDATE=1` writes the counts anew: a change of them is a change of what the search sees.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { PlantName } from './plants.ts'
import { longScopes, longTwins, type Scope, type ScopeName, shortScopes, shortTwins } from './scope.ts'
import type { Report } from './search.ts'

interface Counts {
  readonly states: number
  readonly moves: number
  readonly depth: number
}

const execute = promisify(execFile)
const countsFile = new URL('counts.json', import.meta.url)
const counts: Record<string, Counts> = JSON.parse(readFileSync(countsFile, 'utf8'))
const isLong = process.env['EXHAUSTIVE'] === 'long'
const timeout = isLong ? 3_600_000 : 300_000
const isUpdate = process.env['UPDATE'] === '1'

/** A bug, the scope that finds it, and what is then said. */
const controls: readonly (readonly [plant: PlantName, scope: ScopeName, says: RegExp])[] = [
  ['acceptWithoutPromise', 'classic', /n\d votes in slot 0 at \d\.\d, above its promise$/],
  ['firstVoteWins', 'classic', /proposed in slot 0 at 2\.1, but b0-n2\S+ can still be chosen below$/],
  ['mixedBallotTally', 'classic', /^n\d at \d\.\d is changed by accepted \d\.\d/],
  ['phase1QuorumTooSmall', 'flexible', /proposed in slot 0 at 1\.2, but b0-n1\S+ can still be chosen below$/],
  ['phase2QuorumTooSmall', 'flexible', /learns b0-n1\S+ in slot 0, where nothing is chosen$/],
  ['noopIgnoringVotes', 'holes', /noop proposed in slot 0 at 1\.2, but b0-n1\S+ can still be chosen below$/],
  ['stopSignAlwaysVoid', 'stopSigns', /noop proposed in slot 1 at 1\.2, but s1-n1\S+ can still be chosen below$/],
  ['answerBeforeDurable', 'crash', /answers accepted for slot 0 before its vote is durable$/],
  ['promiseNotDurable', 'crash', /sends promise 1\.1 before it is durable$/],
  ['ballotReusedAfterRestart', 'crash', /proposed in slot 0 at 1\.1, where that ballot proposed b0-n1\S+$/],
  ['noticeWithoutBallot', 'notices', /learns b0-n1\S+ in slot 0, where b0-n2\S+ is chosen$/],
]

/** Takes minutes. */
const longControls: typeof controls = [
  ['stopSignNeverVoid', 'stopSignsLong', /is chosen in slot 2, above the stop sign in slot 1$/],
]

const chosen: Readonly<Record<string, Scope>> = isLong ? { ...shortScopes, ...longScopes } : shortScopes
for (const [name, { title, depthMax }] of Object.entries(chosen)) {
  test(`the invariants hold in every state: ${title}`, { timeout }, async (context) => {
    const { report, failure } = await search(name)
    assert.ok(report !== undefined, `the shortest way to a failure:\n${failure}`)
    const { states, moves, depth, isComplete, steps, nodeStates, messages } = report
    context.diagnostic(`${states} states, ${steps} runs of an engine, ${nodeStates} node states, ${messages} messages`)
    assert.equal(isComplete, depthMax === undefined)
    if (isUpdate) {
      counts[name] = { states, moves, depth }
      writeFileSync(countsFile, `${JSON.stringify(counts, undefined, 2)}\n`)
    }
    assert.deepEqual(
      { states, moves, depth },
      counts[name],
      'another number of states: is it meant? UPDATE=1 records it',
    )
  })
}

const twins: Readonly<Record<string, Scope>> = isLong ? { ...shortTwins, ...longTwins } : shortTwins
for (const [name, { title }] of Object.entries(twins)) {
  test(`forgetting dead messages loses no state of any node: ${title}`, { timeout }, async () => {
    const forgetting = await search(name)
    const keeping = await search(name, '--keep-all')
    assert.equal(forgetting.failure ?? keeping.failure, undefined)
    assert.equal(forgetting.report?.digest, keeping.report?.digest)
    assert.ok((forgetting.report?.states ?? 0) < (keeping.report?.states ?? 0), 'nothing was forgotten')
  })
}

for (const [plant, scope, says] of isLong ? [...controls, ...longControls] : controls) {
  test(`the search finds a planted bug: ${plant}`, async () => {
    const { failure } = await search(scope, plant)
    assert.match(failure ?? 'nothing was found', says)
  })
}

async function search(...names: readonly string[]): Promise<{ readonly report?: Report; readonly failure?: string }> {
  const run = fileURLToPath(new URL('run.ts', import.meta.url))
  const { stdout } = await execute(process.execPath, ['--max-old-space-size=3000', run, ...names])
  return JSON.parse(stdout)
}
