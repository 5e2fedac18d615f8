import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Script } from './script.ts'

const folder = join(import.meta.dirname, 'multipaxos')
const isUpdating = process.env['UPDATE'] === '1'

/**
 * A file opens with a comment. Then blocks, each ended by an empty line: commands, a line `----`, and everything that
 * the nodes did. UPDATE=1 rewrites what follows `----`; read the difference before it is committed.
 */
function replay(text: string): string {
  const script = new Script()
  const blocks = text.trimEnd().split(/\n\n+/)
  const transcript = `${blocks.map((block) => replayBlock(script, block)).join('\n\n')}\n`
  assert.equal(script.violation, undefined)
  return transcript
}

function replayBlock(script: Script, block: string): string {
  const lines = block.split('\n')
  const end = lines.indexOf('----')
  const input = end === -1 ? lines : lines.slice(0, end)
  const commands = input.filter((line) => !line.startsWith('#'))
  if (commands.length === 0) return block
  const output = commands.flatMap((line) => {
    try {
      return script.run(line)
    } catch (cause) {
      throw new Error(`${line}: ${cause instanceof Error ? cause.message : cause}`, { cause })
    }
  })
  return output.length === 0 ? input.join('\n') : [...input, '----', ...output].join('\n')
}

for (const name of readdirSync(folder).sort()) {
  const path = join(folder, name)
  const text = readFileSync(path, 'utf8')
  const title = /^# (.*)/.exec(text)?.[1]
  test(`${name}: ${title}`, () => {
    assert.ok(title !== undefined, 'a scenario opens with a comment that says what it shows')
    const actual = replay(text)
    if (isUpdating) writeFileSync(path, actual)
    else assert.equal(actual, text)
  })
}
