/** How a node is restarted: by a command of the operator's, or by the `paxos dev` that runs it. */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import type { AdminClient } from '../../client/admin.ts'
import type { StatusJson } from '../../wire/api-types.ts'
import { requireDevRunning } from '../dev/directory.ts'
import { shellWord } from '../doctor/shell-word.ts'

export interface NodeToRestart {
  readonly name: string
  readonly peerAddress: string
  /** Null when nobody who was asked has heard from it. */
  readonly clientAddress: string | null
}

/** Begins the restart; that the node is back is for others to see. Rejects with PaxosError when it cannot. */
export type Restarter = (node: NodeToRestart, timeoutMs: number) => Promise<void>

const placeholders = {
  name: ({ name }) => name,
  host: ({ peerAddress }) => hostOf(peerAddress),
  client: ({ name, clientAddress }) => clientAddress ?? unknownAddress(name),
  peer: ({ peerAddress }) => peerAddress,
} as const satisfies Record<string, (node: NodeToRestart) => string>

type Placeholder = keyof typeof placeholders

/** Throws PaxosError USAGE when the template has a placeholder that is not known, or would be the same for every node. */
export function commandRestarter(template: string): Restarter {
  const used = [...template.matchAll(/\{(\w*)\}/g)].map(([, name]) => name ?? '')
  const known = Object.keys(placeholders)
  const hint = `Placeholders are ${known.map((name) => `{${name}}`).join(', ')}.`
  const unknown = used.find((name) => !isPlaceholder(name))
  if (unknown !== undefined)
    throw new PaxosError('USAGE', `"{${unknown}}" is no placeholder of a restart command`, { hint })
  if (used.length === 0) {
    throw new PaxosError('USAGE', 'The restart command says nothing of which node it is for', { hint })
  }
  return async (node, timeoutMs) => await run(fillIn(template, node), timeoutMs)
}

export function fillIn(template: string, node: NodeToRestart): string {
  return template.replace(/\{(\w*)\}/g, (whole, name: string) =>
    isPlaceholder(name) ? shellWord(placeholders[name](node)) : whole,
  )
}

export interface DevNodes {
  readonly clusterId: string
  readonly names: readonly string[]
}

/**
 * Ends the node's process; the `paxos dev` that runs it starts it again. Rejects with PaxosError unless one runs on the
 * directory, with these nodes of this cluster.
 */
export async function devRestarter(
  admin: Pick<AdminClient, 'status'>,
  directory: string,
  { clusterId, names }: DevNodes,
): Promise<Restarter> {
  const path = resolve(directory)
  const askOwn = async (name: string): Promise<StatusJson> => {
    const status = await admin.status(`unix:${join(path, name, 'paxos.sock')}`)
    if (status.node.name !== name)
      throw new PaxosError('INTERNAL', `${status.node.name} answers on the socket of ${name}`)
    if (status.clusterId === clusterId) return status
    throw new PaxosError('WRONG_CLUSTER', `${path} has the nodes of cluster ${status.clusterId}, not of ${clusterId}`)
  }
  await requireDevRunning(path)
  for (const name of names) {
    if (!existsSync(join(path, name))) throw new PaxosError('NOT_FOUND', `There is no node ${name} in ${path}`)
    // One that is down is none of another cluster.
    await askOwn(name).catch(unlessDown)
  }
  return async ({ name }) => {
    await requireDevRunning(path)
    const own = await askOwn(name).catch(unlessDown)
    // One that is down is started again by itself.
    if (own !== undefined) process.kill(own.node.pid, 'SIGTERM')
  }
}

function unlessDown(error: unknown): undefined {
  if (!(error instanceof PaxosError && error.code === 'CANNOT_CONNECT')) throw error
}

const outputBytesMax = 2000

/**
 * In a process group of its own: a Ctrl-C pauses us, and must not leave a restart half done. It is over when the shell is. What it
 * leaves in the background is most likely the node, so its output goes to a file without a name, which nobody takes from it.
 */
function run(command: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const output = namelessFile()
    const over = (how: string | undefined, cause?: unknown): void => {
      clearTimeout(timer)
      const said = lastOf(output)
      closeSync(output)
      if (how === undefined) resolve()
      else reject(failed(command, how, said, cause))
    }
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', output, output], detached: true })
    const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), timeoutMs)
    child.once('error', (cause) => over(cause.message, cause))
    child.once('exit', (code, by) =>
      over(code === 0 ? undefined : code === null ? `signal ${by}` : `exit status ${code}`),
    )
  })
}

function namelessFile(): number {
  const folder = mkdtempSync(join(tmpdir(), 'paxos-restart-'))
  const file = openSync(join(folder, 'output'), 'w+', 0o600)
  rmSync(folder, { recursive: true })
  return file
}

function lastOf(file: number): string {
  const { size } = fstatSync(file)
  const bytes = Buffer.alloc(Math.min(size, outputBytesMax))
  readSync(file, bytes, 0, bytes.length, size - bytes.length)
  return bytes.toString('utf8').trim()
}

function failed(command: string, how: string, output: string, cause: unknown): PaxosError {
  const said = output === '' ? '' : `\n${output}`
  return new PaxosError('PRECONDITION_FAILED', `The restart command ended with ${how}: ${command}${said}`, { cause })
}

function isPlaceholder(name: string): name is Placeholder {
  return Object.hasOwn(placeholders, name)
}

function unknownAddress(name: string): never {
  throw new PaxosError('PRECONDITION_FAILED', `Nobody knows the client address of ${name} now`, {
    hint: `Start ${name} yourself, or say {peer}, {host} or {name} in the restart command.`,
  })
}

function hostOf(address: string): string {
  const host = address.slice(0, address.lastIndexOf(':'))
  return host.startsWith('[') ? host.slice(1, -1) : host
}
