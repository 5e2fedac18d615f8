/** What a killed process acknowledged is on the disk, and what a full disk refused is not claimed. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { PaxosError } from '../../src/base/error.ts'
import { Random } from '../../src/base/random.ts'
import { openDataDirectory, openDataDirectoryReadOnly } from '../../src/daemon/store/data-directory.ts'
import { epoch, group } from './acceptor-store.ts'
import { type Acknowledged, childIdentity, crashPayload, failedExit, stateKeys } from './store-child.ts'

const script = join(import.meta.dirname, 'store-child.ts')

interface Heard {
  log: number
  state: number
  lines: number
}

interface Writer {
  readonly child: ChildProcess
  readonly heard: Heard
  /** Resolves after so many acknowledgements. */
  said(lines: number): Promise<void>
}

/** Starts the writer and keeps the highest of what it said. */
function start(directory: string, command: readonly string[] = [process.execPath]): Writer {
  const [program = '', ...rest] = command
  const child = spawn(program, [...rest, script, directory], { stdio: ['ignore', 'pipe', 'ignore'] })
  const heard: Heard = { log: 0, state: 0, lines: 0 }
  let wake = (): void => {}
  const read = (line: string): void => {
    const { kind, upTo }: Acknowledged = JSON.parse(line)
    heard[kind] = Math.max(heard[kind], upTo)
    heard.lines++
    wake()
  }
  assert.ok(child.stdout !== null)
  createInterface({ input: child.stdout }).on('line', read)
  const said = async (lines: number): Promise<void> => {
    const ended = once(child, 'exit').then(() => assert.fail('the writer ended by itself'))
    while (heard.lines < lines) {
      await Promise.race([
        ended,
        new Promise<void>((resolve) => {
          wake = resolve
        }),
      ])
    }
    ended.catch(() => {})
  }
  return { child, heard, said }
}

async function verify(directory: string, heard: Heard): Promise<void> {
  const opened = await openDataDirectory({
    path: directory,
    expected: childIdentity,
    onFailure: (error) => assert.fail(error.message),
  })
  try {
    const loaded = opened.acceptor.load(group, epoch)
    assert.deepEqual(loaded.unknown, [])
    const upTo = loaded.truncatedUpTo + loaded.votes.length
    assert.ok(upTo >= heard.log, `votes below ${heard.log} were acknowledged, those below ${upTo} are there`)
    for (const [i, vote] of loaded.votes.entries()) {
      assert.equal(vote.slot, loaded.truncatedUpTo + i)
      assert.equal(vote.ballot.round, vote.slot + 1)
      assert.ok(Buffer.from(crashPayload(vote.slot)).equals(vote.entry.payload), `slot ${vote.slot}`)
    }
    // All or nothing: the promise of the last commit names the slot above its last vote.
    assert.equal(loaded.promised?.round ?? 0, upTo)
    const generations = new Set(stateKeys.map((key) => Buffer.from(opened.state.view.get(key) ?? []).toString()))
    assert.equal(generations.size, 1, `a mixture of generations: ${[...generations].join(' ')}`)
    const [generation] = generations
    assert.ok(Number(generation) >= heard.state, `${heard.state} was acknowledged, ${generation} is there`)
  } finally {
    await opened.close()
  }
}

test('what was acknowledged before kill -9 is there afterwards, whole commits only', { timeout: 120_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'paxos-crash-'))
  const random = new Random(7)
  try {
    for (let round = 0; round < 10; round++) {
      const { child, heard, said } = start(directory)
      await said(random.integer(1, 400))
      // Up to now the directory is the child's; the next process gets it the moment the child is dead.
      await assert.rejects(
        openDataDirectoryReadOnly({ path: directory }),
        (error) => error instanceof PaxosError && error.message.includes(`process ${child.pid} holds it`),
      )
      const closed = once(child, 'close')
      child.kill('SIGKILL')
      await closed
      await verify(directory, heard)
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

test('a disk that refuses a write ends the writer, and what it acknowledged before is there', {
  timeout: 60_000,
  skip: process.platform === 'win32' && 'no limit on file size',
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'paxos-full-'))
  try {
    // Its files are there, so that what is refused is a write of a running node.
    await verify(directory, { log: 0, state: 0, lines: 0 })
    // With the signal ignored, a write past the limit fails with EFBIG, as it would with ENOSPC on a full disk.
    const limited = `trap '' XFSZ; ulimit -f 500; exec "$0" "$@"`
    const { child, heard } = start(directory, ['sh', '-c', limited, process.execPath])
    const [code] = await once(child, 'close')
    assert.equal(code, failedExit)
    assert.ok(heard.log > 0)
    await verify(directory, heard)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
