/**
 * One search in a process of its own: `node test/exhaustive/run.ts <scope> [<plant>] [--progress] [--keep-all]`. Prints
 * one line of JSON: the counts of a search that found nothing wrong, or the failure with the shortest way to it.
 */
import assert from 'node:assert/strict'
import { showFields } from './load-engine.ts'
import { isPlantName, plants } from './plants.ts'
import { isScopeName, type Scope, scopes } from './scope.ts'

const isProgressWanted = process.argv.includes('--progress')
const [scopeName = '', plantName] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
assert.ok(isScopeName(scopeName), `no such scope: ${scopeName}; there are ${Object.keys(scopes).join(', ')}`)
assert.ok(plantName === undefined || isPlantName(plantName), `no such plant: ${plantName}`)

// The engine is imported only after its loading can be watched.
const loading = showFields(plantName === undefined ? undefined : plants[plantName])
const { Counterexample, Search } = await import('./search.ts')
const { transcript, withShortNames } = await import('./trace.ts')
assert.equal(loading.planted(), plantName !== undefined, `${plantName} was not planted`)

const scope: Scope = { ...scopes[scopeName], keepsAll: process.argv.includes('--keep-all') }
const begun = performance.now()
try {
  const report = new Search(scope).run((depth, states) => {
    if (!isProgressWanted) return
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    const megabytes = (process.memoryUsage().rss / 1e6).toFixed(0)
    process.stderr.write(`${depth} moves: ${states} states, ${seconds} s, ${megabytes} MB\n`)
  })
  console.log(JSON.stringify({ report }))
} catch (error) {
  if (!(error instanceof Error)) throw error
  // Whatever the engine throws is a finding: an assertion of its own, or an error that it should not have made.
  const failure =
    error instanceof Counterexample
      ? transcript(scope, error.moves, error.message)
      : withShortNames(error.name === 'Violation' ? error.message : (error.stack ?? error.message))
  console.log(JSON.stringify({ failure }))
}
