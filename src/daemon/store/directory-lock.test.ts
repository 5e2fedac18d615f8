import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type LockOptions, lockDirectory } from './directory-lock.ts'

const module = join(import.meta.dirname, 'directory-lock.ts')

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'paxos-lock-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A process that holds the lock, answers nobody for a while, and lets go of it. */
async function holdBusily(directory: string, options: LockOptions, busyMs: number): Promise<void> {
  const code = `
    const { lockDirectory } = await import(${JSON.stringify(module)})
    const lock = await lockDirectory(${JSON.stringify(directory)}, ${JSON.stringify(options)})
    process.stdout.write('held')
    await new Promise((resolve) => setTimeout(resolve, 20))
    const until = performance.now() + ${busyMs}
    while (performance.now() < until);
    await lock.release()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
}

test('a node waits for one that reads, however busy that is, and says so', async (t) => {
  const directory = directoryOf(t)
  await holdBusily(directory, { isReading: true }, 1500)
  const said: string[] = []
  const onWait = (owner: string): void => void said.push(owner)
  const lock = await lockDirectory(directory, { readersWaitMs: 60_000, onWait })
  assert.match(said.join(), /^(another process|a command that reads \(process \d+\))$/)
  await lock.release()
})

test('who does not wait, or is asked to stop, is refused; a node is not waited for', async (t) => {
  const directory = directoryOf(t)
  const reading = await lockDirectory(directory, { isReading: true })
  const held = { code: 'DATA_DIR_REFUSED', message: /a command that reads \(process \d+\) holds it/ }
  await assert.rejects(lockDirectory(directory), held)
  const givenUp = new Promise((resolve) => setTimeout(resolve, 10))
  await assert.rejects(lockDirectory(directory, { readersWaitMs: 60_000, givenUp }), { code: 'STOPPING' })
  await reading.release()
  const running = await lockDirectory(directory)
  await assert.rejects(lockDirectory(directory, { readersWaitMs: 60_000 }), {
    code: 'DATA_DIR_REFUSED',
    message: new RegExp(`process ${process.pid} holds it`),
  })
  await running.release()
})
