/** Loaded with `--import` into a process that is to be wrong in the way that PAXOS_PLANT names. */
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { plant } from './bug.ts'
import { findBug } from './bugs.ts'

const name = process.env['PAXOS_PLANT'] ?? ''
const { patches } = findBug(name)
const root = pathToFileURL(`${import.meta.dirname}/../../src/`).href
const left = new Set(patches.map(({ file }) => file))

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.startsWith(root)) return loaded
    const file = url.slice(root.length)
    const mine = patches.filter((patch) => patch.file === file)
    if (mine.length === 0) return loaded
    left.delete(file)
    return { ...loaded, source: plant(String(loaded.source), mine) }
  },
})

// A module that was never loaded was never wrong, and whatever failed says nothing.
process.on('exit', () => {
  if (left.size === 0) return
  process.stderr.write(`${name} was not planted: ${[...left].join(', ')} was not loaded\n`)
  process.exitCode = 97
})
