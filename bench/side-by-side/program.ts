import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { BenchmarkResult } from '../../src/cli/bench/result.ts'

export const binary = join(import.meta.dirname, '..', '..', 'bin', 'run.js')

/** Runs a command of ours with --json and returns what it says. Throws when it exits with another status than expected. */
export async function paxosJson(
  args: readonly string[],
  endpoints: readonly string[],
  expected: readonly number[] = [0],
): Promise<unknown> {
  const child = spawn(process.execPath, [binary, ...args, '--json'], {
    env: { ...process.env, PAXOS_ENDPOINTS: endpoints.join(',') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [output, errors, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  assert.ok(expected.includes(Number(status)), `paxos ${args.join(' ')} exited ${status}\n${output}${errors}`)
  return JSON.parse(output)
}

/** No answer at all (10) is a result, too. */
export async function paxosBench(args: readonly string[], endpoints: readonly string[]): Promise<BenchmarkResult> {
  return (await paxosJson(['bench', ...args], endpoints, [0, 10])) as BenchmarkResult
}

/** Milliseconds until a program has ended. */
export function timeOf(args: readonly string[], endpoints: readonly string[]): number {
  const began = performance.now()
  const { status, stderr } = spawnSync(process.execPath, [binary, ...args], {
    env: { ...process.env, PAXOS_ENDPOINTS: endpoints.join(',') },
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return performance.now() - began
}

export function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
}

/** The first line of what a program says of its version. */
export function versionOf(program: string): string | undefined {
  const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.split('\n')[0]?.trim() : undefined
}
