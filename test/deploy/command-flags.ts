import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

/** The flags of a command, by its id in the manifest: `node:start`. */
export function flagsOf(id: string): ReadonlySet<string> {
  const { commands } = JSON.parse(readFileSync('oclif.manifest.json', 'utf8')) as {
    commands: Record<string, { flags: Record<string, unknown> }>
  }
  const command = commands[id]
  assert.ok(command !== undefined, `no command ${id}`)
  return new Set(Object.keys(command.flags))
}
