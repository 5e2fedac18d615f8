import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { type Patch, plant } from '../../planted/bug.ts'

const root = pathToFileURL(`${import.meta.dirname}/../../../dist/`).href

/** Changes compiled modules as this process loads them; `file` of a patch is below `dist/`. One that does not match ends it. */
export function plantOnLoad(patches: readonly Patch[]): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!url.startsWith(root)) return loaded
      const mine = patches.filter(({ file }) => file === url.slice(root.length))
      return mine.length === 0 ? loaded : { ...loaded, source: plant(String(loaded.source), mine) }
    },
  })
}
