/** Loaded with `--import` into a node that is to be wrong: its stores commit without flushing. */
import { registerHooks } from 'node:module'

const file = '/daemon/store/environment.js'
const right = 'noSync: false'

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(file)) return loaded
    const parts = String(loaded.source).split(right)
    // Without this, a renamed option would leave the node right and the control would prove nothing.
    if (parts.length !== 2) throw new Error(`"${right}" is in ${url} ${parts.length - 1} times, not once`)
    process.stderr.write('planted: noSync\n')
    return { ...loaded, source: parts.join('noSync: true') }
  },
})
