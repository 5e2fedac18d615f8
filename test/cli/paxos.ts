import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'

export const program = join(process.cwd(), 'bin', 'run.js')

export interface Ran {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
  readonly bytes: Uint8Array
}

export interface RunOptions {
  readonly input?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** The entry file of another build. */
  readonly program?: string
}

let built = false

/** The compiled program is what is tested; `npm test` has built it, and a single test builds it when it is stale. */
export function requireBuild(): void {
  if (built) return
  const { status } = spawnSync(process.execPath, ['scripts/build.js'], { stdio: ['ignore', 'inherit', 'inherit'] })
  assert.equal(status, 0, 'the build failed')
  built = true
}

/** Only what is given: a setting of the machine must not change a test. */
export function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PAXOS_|NO_COLOR|FORCE_COLOR|NODE_TEST)/.test(name))
  return { ...Object.fromEntries(kept), ...extra }
}

export function startPaxos(
  args: readonly string[],
  { env = {}, cwd, program: entry = program }: RunOptions = {},
): ChildProcess {
  requireBuild()
  return spawn(process.execPath, [entry, ...args], { env: environment(env), cwd, stdio: ['pipe', 'pipe', 'pipe'] })
}

export async function paxos(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = startPaxos(args, options)
  assert.ok(child.stdout && child.stderr && child.stdin)
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const [bytes, stderr, [exit]] = await Promise.all([buffer(child.stdout), text(child.stderr), once(child, 'close')])
  return { exit: Number(exit), stdout: Buffer.from(bytes).toString('utf8'), stderr, bytes }
}

/** The JSON that a command printed with --json, which must be all of stdout. */
export function json(ran: Ran): Record<string, unknown> {
  const value: unknown = JSON.parse(ran.stdout)
  assert.ok(typeof value === 'object' && value !== null)
  return { ...value }
}

/** Resolves once `holds` does; looks again and again within a bound that no working system needs. */
export async function eventually(what: string, holds: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `${what}: not within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
