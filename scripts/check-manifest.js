// oclif.manifest.json lists every command and flag, so that starting `paxos` loads only the command that runs.
// Fails when it is not what the compiled commands say; `--write` brings it up to date. `--file FILE` looks at another.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Plugin, settings } from '@oclif/core'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { values } = parseArgs({ options: { write: { type: 'boolean' }, file: { type: 'string' } } })
const file = values.file ?? join(root, 'oclif.manifest.json')

settings.enableAutoTranspile = false
const plugin = new Plugin({
  root,
  type: 'core',
  isRoot: true,
  ignoreManifest: true,
  errorOnManifestCreate: true,
  respectNoCacheDefault: true,
})
await plugin.load()
const manifest = `${JSON.stringify(sorted(plugin.manifest), null, 2)}\n`

if (values.write) {
  writeFileSync(file, manifest)
} else if (read() !== manifest) {
  console.error(
    'oclif.manifest.json is out of date: a command or flag changed.\nRun `npm run manifest` and commit the file.',
  )
  process.exitCode = 1
}

function read() {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/**
 * Object keys in order, so that the file does not depend on the order in which commands were found; only the arguments of
 * a command stay as it declares them, because that is the order in which they are typed and shown.
 */
function sorted(value, key) {
  if (Array.isArray(value)) return value.map((item) => sorted(item))
  if (value === null || typeof value !== 'object') return value
  const keys = Object.keys(value)
  if (key !== 'args') keys.sort()
  return Object.fromEntries(keys.map((name) => [name, sorted(value[name], name)]))
}
