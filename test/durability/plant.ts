import { registerHooks } from 'node:module'

/** Replaces `right` by `wrong` in one file of a node that is to be wrong, and says so. */
export function plant(file: string, right: string, wrong: string): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!url.endsWith(file)) return loaded
      const parts = String(loaded.source).split(right)
      // Without this, a renamed option would leave the node right and the control would prove nothing.
      if (parts.length !== 2) throw new Error(`"${right}" is in ${url} ${parts.length - 1} times, not once`)
      process.stderr.write('planted: no sync\n')
      return { ...loaded, source: parts.join(wrong) }
    },
  })
}
