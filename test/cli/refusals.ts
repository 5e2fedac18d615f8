/** What a command says of what is wrong: the same to a person and, with --json, to a program. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { json, paxos } from './paxos.ts'

export type Refusal = readonly [args: readonly string[], exit: number, code: string, says: RegExp]

/** Registers a test for each. They run in `folder`; `alsoHolds` is checked after each. */
export function testRefusals(folder: string, refusals: readonly Refusal[], alsoHolds = (): void => {}): void {
  for (const [args, exit, code, says] of refusals) {
    test(`\`paxos ${args.join(' ').replaceAll(folder, '…')}\` exits ${exit}, with and without --json`, async () => {
      const [plain, asJson] = await Promise.all([
        paxos(args, { cwd: folder }),
        paxos([...args, '--json'], { cwd: folder }),
      ])
      assert.deepEqual([plain.exit, asJson.exit], [exit, exit], plain.stderr + asJson.stdout)
      assert.equal(plain.stdout, '')
      assert.match(plain.stderr, /^Error: |\nError: /)
      const { error } = json(asJson)
      assert.ok(typeof error === 'object' && error !== null && 'code' in error && 'message' in error && 'hint' in error)
      assert.equal(error.code, code)
      assert.match(String(error.message), says)
      assert.ok(plain.stderr.includes(String(error.message)), 'both say the same')
      assert.equal(asJson.stderr, '')
      assertFlagsExist(args, String(error.hint))
      alsoHolds()
    })
  }
}

/** A hint names flags of the command that failed; those of another stand in backquotes with it. */
function assertFlagsExist(args: readonly string[], hint: string): void {
  const { commands } = JSON.parse(readFileSync('oclif.manifest.json', 'utf8')) as {
    commands: Record<string, { flags: object }>
  }
  const command = commands[args.slice(0, 2).join(':')] ?? commands[args[0] ?? '']
  if (command === undefined) return
  for (const [, flag = ''] of hint.replace(/`[^`]*`/g, '').matchAll(/--([a-z][a-z0-9-]*)/g)) {
    assert.ok(flag in command.flags, `${args.join(' ')} has no --${flag}, which its hint names: ${hint}`)
  }
}
