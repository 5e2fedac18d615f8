/** For `npm run chaos -- --plant test/chaos/plant-repeats.ts`: a repeated session request is executed again. */
import { registerHooks } from 'node:module'

const file = '/machine/kv-machine.js'
const right = 'if (stored !== undefined)'

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(file)) return loaded
    const parts = String(loaded.source).split(right)
    // Without this, a renamed variable would leave the node right and the control would prove nothing.
    if (parts.length !== 2) throw new Error(`"${right}" is in ${url} ${parts.length - 1} times, not once`)
    return { ...loaded, source: parts.join('if (stored === replies)') }
  },
})
