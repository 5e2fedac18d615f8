import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { type FindingId, findingIds } from './finding.ts'

/** A finding of one cluster that is not to be counted for a time. */
export interface Mute {
  readonly clusterId: string
  readonly id: FindingId
  /** Milliseconds since 1970. */
  readonly untilMs: number
}

/** `mutes.json` in the operator's own configuration directory: a mute is a person's, not the cluster's. */
export function mutesPath(env: NodeJS.ProcessEnv): string {
  const base = env['XDG_CONFIG_HOME'] || join(homedir(), '.config')
  return join(base, 'paxos', 'mutes.json')
}

/** Those that have not run out. Throws PaxosError BAD_CONFIG when the file cannot be read. */
export async function readMutes(path: string, nowMs: number): Promise<readonly Mute[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return []
    throw bad(path, cause instanceof Error ? cause.message : String(cause), cause)
  }
  return parse(text, path).filter(({ untilMs }) => untilMs > nowMs)
}

/** Adds one, in place of an earlier one for the same finding, and drops what has run out. */
export async function addMute(path: string, mute: Mute, nowMs: number): Promise<readonly Mute[]> {
  const others = (await readMutes(path, nowMs)).filter((other) => !same(other, mute))
  return await write(path, [...others, mute])
}

export async function removeMute(path: string, mute: Omit<Mute, 'untilMs'>, nowMs: number): Promise<readonly Mute[]> {
  return await write(
    path,
    (await readMutes(path, nowMs)).filter((other) => !same(other, mute)),
  )
}

function same(a: Omit<Mute, 'untilMs'>, b: Omit<Mute, 'untilMs'>): boolean {
  return a.id === b.id && a.clusterId === b.clusterId
}

async function write(path: string, mutes: readonly Mute[]): Promise<readonly Mute[]> {
  const lines = mutes.map(({ clusterId, id, untilMs }) => ({ clusterId, id, until: new Date(untilMs).toISOString() }))
  const half = `${path}.${process.pid}.tmp`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(half, `${JSON.stringify({ mutes: lines }, null, 2)}\n`, { mode: 0o600 })
    await rename(half, path)
  } catch (cause) {
    throw bad(path, cause instanceof Error ? cause.message : String(cause), cause)
  }
  return mutes
}

function parse(text: string, path: string): readonly Mute[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw bad(path, 'it is not JSON', cause)
  }
  const list = typeof value === 'object' && value !== null && 'mutes' in value ? value.mutes : undefined
  if (!Array.isArray(list)) throw bad(path, 'it has no list "mutes"')
  return list.map((entry: unknown) => {
    const { clusterId, id, until } = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<
      string,
      unknown
    >
    const known = findingIds.find((each) => each === id)
    const untilMs = typeof until === 'string' ? Date.parse(until) : Number.NaN
    if (typeof clusterId !== 'string' || known === undefined || Number.isNaN(untilMs)) {
      throw bad(path, `${JSON.stringify(entry)} is no mute`)
    }
    return { clusterId, id: known, untilMs }
  })
}

function bad(path: string, why: string, cause?: unknown): PaxosError {
  return new PaxosError('BAD_CONFIG', `Cannot use ${path}: ${why}`, {
    hint: 'Correct the file, or remove it: it holds nothing but mutes of `paxos doctor`.',
    cause,
  })
}
