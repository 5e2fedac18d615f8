import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { shellWord } from './shell-word.ts'

test('a shell reads the word as it was', () => {
  for (const text of ['/var/lib/paxos/n1', 'with space', "it's", '$(id); `id` "x" \\', '*', '']) {
    assert.equal(execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' }), text)
  }
  assert.equal(shellWord('/var/lib/paxos/n1'), '/var/lib/paxos/n1')
})
