import assert from 'node:assert/strict'
import { registerHooks } from 'node:module'
import type { Plant } from './plants.ts'

/**
 * Makes the fields of the engine's classes visible as they load, `#name` as `_name`, so that a search can copy engines and
 * compare their states. Nothing else of the code is changed, unless a bug is planted. Call it before the engine is imported.
 */
export function showFields(plant?: Plant): { readonly planted: () => boolean } {
  let isPlanted = false
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!/\/src\/protocol\/.*\.ts$/.test(url)) return loaded
      let source = String(loaded.source)
      assert.ok(!/\b_[a-z]/.test(source), `${url} has names that begin with an underscore already`)
      if (plant !== undefined && url.endsWith(`/src/${plant.file}`)) {
        source = plantBug(source, plant)
        isPlanted = true
      }
      return { ...loaded, source: source.replace(/#([a-z]\w*)/g, '_$1') }
    },
  })
  return { planted: () => isPlanted }
}

function plantBug(source: string, { file, patches }: Plant): string {
  return patches.reduce((text, [right, wrong]) => {
    const parts = text.split(right)
    // Without this, a changed line would leave the code right and the control would prove nothing.
    assert.equal(parts.length, 2, `"${right}" is in ${file} ${parts.length - 1} times, not once`)
    return parts.join(wrong)
  }, source)
}
