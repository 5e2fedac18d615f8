import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What noticed a planted bug. */
export interface Caught {
  /** The first seed from 1 on that fails, and which check it was. */
  readonly simulator?: { readonly seed: number; readonly check: string }
  /** A test that fails; the file is below the repository's root. */
  readonly test?: { readonly file: string; readonly name: string }
}

export interface SeedFound {
  readonly seed: number
  readonly check: string
  readonly message: string
}

const root = join(import.meta.dirname, '../..')
const propertySeed = join(root, 'test/property-seed.ts')
export const caughtPath = join(import.meta.dirname, 'caught.json')
export const durationMs = 30_000
/** The exit code of `plant.ts` when a module with a part of the bug was not loaded. */
const notPlanted = 97

export function readCaught(): Readonly<Record<string, Caught>> {
  return JSON.parse(readFileSync(caughtPath, 'utf8'))
}

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a file of this repository in a process of its own, with the bug in it, or without any. */
function run(bug: string | undefined, args: readonly string[], timeoutMs: number): Promise<Ended> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const hook = bug === undefined ? [] : ['--import', join(import.meta.dirname, 'plant.ts')]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...hook, ...args], {
      cwd: root,
      env: { ...env, PAXOS_PLANT: bug },
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (bytes) => {
      stdout += bytes
    })
    child.stderr.on('data', (bytes) => {
      stderr += bytes
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** The first of the seeds that fails; undefined when none does. `seeds`: a list, or how many from 1 on. */
export async function simulate(
  bug: string | undefined,
  seeds: number | readonly number[],
  timeoutMs = 300_000,
): Promise<SeedFound | undefined> {
  const range = typeof seeds === 'number' ? ['1', String(seeds)] : [seeds.join(','), '1']
  const args = [join(import.meta.dirname, 'simulate.ts'), ...range, String(durationMs)]
  const { code, stdout, stderr } = await run(bug, args, timeoutMs)
  // It does not load everything: what it has not loaded it cannot notice.
  if (code === 0 || code === notPlanted) return undefined
  if (code !== 10) throw new Error(`${bug ?? 'no bug'}: the simulator ended with ${code}: ${stderr.slice(-2000)}`)
  return JSON.parse(stdout)
}

/** Names of the tests in the file that fail. */
export async function failingTests(bug: string | undefined, file: string, timeoutMs = 120_000): Promise<string[]> {
  const { code, stdout, stderr } = await run(bug, ['--import', propertySeed, '--test-reporter=tap', file], timeoutMs)
  // It fails, perhaps, but not for the whole of the bug.
  if (code === notPlanted) throw new Error(stderr.slice(-2000))
  const failed = [...stdout.matchAll(/^\s*not ok \d+ - (.*)$/gm)].map(([, name = '']) => name.replaceAll('\\', ''))
  if (failed.length === 0 && code !== 0) throw new Error(`${file} ended with ${code}: ${stderr.slice(-2000)}`)
  return failed
}
