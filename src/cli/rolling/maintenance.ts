/**
 * Who is taking nodes down, one at a time, and how far that is: one key of the store, so that two operators do not meet, and
 * another command can go on when the first has died. Whoever runs it writes the key again every few seconds; each write is
 * bound to the version before, so somebody who was taken over notices before the next node.
 */

import { PaxosError } from '../../base/error.ts'
import type { PaxosClient } from '../../client/client.ts'
import { maintenanceKey } from '../../machine/request.ts'
import { count } from '../output.ts'
import { pause } from '../pause.ts'

export interface MaintenanceRecord {
  readonly format: 1
  /** Random: of the command that writes it. */
  readonly run: string
  readonly kind: 'upgrade' | 'restart'
  /** The version that an upgrade brings. */
  readonly version: string | null
  /** `user@host` */
  readonly by: string
  /** ISO 8601 */
  readonly startedAt: string
  readonly state: 'running' | 'paused'
  /** Why it is paused. */
  readonly reason: string | null
  /** In the order in which they are taken. */
  readonly nodes: readonly string[]
  readonly done: readonly string[]
  /** Being taken down, and how often it had been started before. */
  readonly current: { readonly name: string; readonly incarnation: number } | null
}

export interface FoundMaintenance {
  readonly record: MaintenanceRecord
  /** Of the key. */
  readonly version: number
}

const renewMs = 3000
/** Not written again for so long: whoever ran it is gone. */
const goneMs = 12_000
/** A restart command can be long, and is in what went wrong with it. */
const reasonLengthMax = 1000

/** Undefined when there is none. Throws PaxosError PRECONDITION_FAILED when the key holds something else. */
export async function findMaintenance(client: Pick<PaxosClient, 'get'>): Promise<FoundMaintenance | undefined> {
  const item = await client.get(maintenanceKey)
  if (item === undefined) return undefined
  const record = decode(item.text())
  if (record === undefined) {
    throw new PaxosError('PRECONDITION_FAILED', `The key ${maintenanceKey} holds something that is not ours`, {
      hint: `\`paxos kv get ${maintenanceKey}\` shows it. Delete it if nobody needs it.`,
    })
  }
  return { record, version: item.version }
}

/** One sentence. */
export function inWords({ kind, version, by, startedAt, done, nodes, state, reason }: MaintenanceRecord): string {
  const what = kind === 'upgrade' ? `An upgrade to ${version}` : 'A rolling restart'
  const how = state === 'paused' ? `is paused (${reason})` : 'is under way'
  return `${what}, begun by ${by} at ${startedAt}, ${how}: ${done.length} of ${count(nodes.length, 'node')} done`
}

/** How to go on with one that nobody runs any more. */
export function nextSteps({ kind, current }: Pick<MaintenanceRecord, 'kind' | 'current'>): string {
  const command = kind === 'upgrade' ? 'paxos upgrade run' : 'paxos node restart'
  const again = current === null ? '' : `, and restarts ${current.name} once more if it stays down`
  return `\`${command} --resume\`, with the --restart-command or --dev of before, goes on where it was${again}; \`${command} --abandon\` gives it up`
}

export class Maintenance {
  readonly #client: PaxosClient
  readonly #timer: NodeJS.Timeout
  #record: MaintenanceRecord
  #version: number
  #writes: Promise<unknown> = Promise.resolve()
  #isOver = false

  private constructor(client: PaxosClient, record: MaintenanceRecord, version: number) {
    this.#client = client
    this.#record = record
    this.#version = version
    // A renewal that fails is no harm: the next step of the work writes too, and must succeed.
    this.#timer = setInterval(() => void this.#write({}).catch(() => {}), renewMs)
  }

  /** Throws PaxosError PRECONDITION_FAILED when there is one already. */
  static async begin(client: PaxosClient, record: MaintenanceRecord): Promise<Maintenance> {
    const found = await findMaintenance(client)
    if (found !== undefined) throw underWay(found.record)
    const { version } = await client
      .put(maintenanceKey, encode(record), { ifVersion: 0 })
      .catch((cause: unknown) => Promise.reject(isMismatch(cause) ? takenOver(cause) : cause))
    return new Maintenance(client, record, version)
  }

  /** Goes on with one that is paused, or whose command is gone; that takes a while to see. */
  static async resume(
    client: PaxosClient,
    found: FoundMaintenance,
    { by, run }: Pick<MaintenanceRecord, 'by' | 'run'>,
  ): Promise<Maintenance> {
    if (found.record.state === 'running') await waitUntilGone(client, found)
    const record: MaintenanceRecord = { ...found.record, by, run, state: 'running', reason: null }
    const { version } = await client
      .put(maintenanceKey, encode(record), { ifVersion: found.version })
      .catch((cause: unknown) => Promise.reject(isMismatch(cause) ? takenOver(cause) : cause))
    return new Maintenance(client, record, version)
  }

  /** Gives up one that is paused, or whose command is gone. What is done stays done. */
  static async abandon(client: PaxosClient, found: FoundMaintenance): Promise<void> {
    if (found.record.state === 'running') await waitUntilGone(client, found)
    await client
      .delete(maintenanceKey, { ifVersion: found.version })
      .catch((cause: unknown) => Promise.reject(isMismatch(cause) ? takenOver(cause) : cause))
  }

  get record(): MaintenanceRecord {
    return this.#record
  }

  /** Rejects with PRECONDITION_FAILED when somebody else has taken it over: nothing more may be done then. */
  update(changes: Partial<Pick<MaintenanceRecord, 'done' | 'current'>>): Promise<void> {
    return this.#write(changes)
  }

  /** Leaves it for somebody to go on with. */
  async pause(reason: string): Promise<void> {
    await this.#write({ state: 'paused', reason: reason.slice(0, reasonLengthMax) })
    await this.close()
  }

  async finish(): Promise<void> {
    await this.close()
    const found = await findMaintenance(this.#client)
    // Gone already: a deletion whose answer was lost.
    if (found === undefined) return
    if (found.record.run !== this.#record.run) throw takenOver(undefined)
    await this.#client.delete(maintenanceKey, { ifVersion: found.version })
  }

  /** Says no more; the record stays. */
  async close(): Promise<void> {
    this.#isOver = true
    clearInterval(this.#timer)
    await this.#writes.catch(() => {})
  }

  /** One after the other, each on top of what the one before wrote. */
  #write(changes: Partial<MaintenanceRecord>): Promise<void> {
    const write = async (): Promise<void> => {
      if (this.#isOver) return
      const record = { ...this.#record, ...changes }
      this.#version = await this.#put(record)
      this.#record = record
    }
    const written = this.#writes.then(write, write)
    this.#writes = written
    return written
  }

  /** Gives the new version of the key. */
  async #put(record: MaintenanceRecord): Promise<number> {
    try {
      return (await this.#client.put(maintenanceKey, encode(record), { ifVersion: this.#version })).version
    } catch (error) {
      if (!isMismatch(error)) throw error
      // A write of ours whose answer was lost has moved the version on.
      const found = await findMaintenance(this.#client)
      if (found?.record.run !== record.run) throw takenOver(error)
      return (await this.#client.put(maintenanceKey, encode(record), { ifVersion: found.version })).version
    }
  }
}

async function waitUntilGone(client: PaxosClient, { record, version }: FoundMaintenance): Promise<void> {
  const until = performance.now() + goneMs
  while (performance.now() < until) {
    await pause(Math.min(1000, until - performance.now()))
    const now = await findMaintenance(client)
    if (now?.version !== version) throw underWay(now?.record ?? record)
  }
}

function underWay(record: MaintenanceRecord): PaxosError {
  return new PaxosError('PRECONDITION_FAILED', `${inWords(record)}. Nothing was changed.`, {
    hint: `If nobody runs it any more, ${nextSteps(record)}.`,
  })
}

function isMismatch(error: unknown): boolean {
  return error instanceof PaxosError && error.code === 'PRECONDITION_FAILED'
}

function takenOver(cause: unknown): PaxosError {
  return new PaxosError('PRECONDITION_FAILED', 'Another command has taken this maintenance over', {
    hint: '`paxos upgrade status` shows who runs it.',
    cause,
  })
}

function encode(record: MaintenanceRecord): string {
  return JSON.stringify(record)
}

function decode(text: string): MaintenanceRecord | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  return isRecord(value) ? value : undefined
}

function isRecord(value: unknown): value is MaintenanceRecord {
  if (typeof value !== 'object' || value === null) return false
  const { format, run, kind, version, by, startedAt, state, reason, nodes, done, current }: Record<string, unknown> = {
    ...value,
  }
  const isText = (each: unknown): boolean => typeof each === 'string'
  const isNames = (each: unknown): boolean => Array.isArray(each) && each.every(isText)
  return (
    format === 1 &&
    (kind === 'upgrade' || kind === 'restart') &&
    (version === null || isText(version)) &&
    (state === 'running' || state === 'paused') &&
    (reason === null || isText(reason)) &&
    isText(run) &&
    isText(by) &&
    isText(startedAt) &&
    isNames(nodes) &&
    isNames(done) &&
    (current === null || isCurrent(current))
  )
}

function isCurrent(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { name, incarnation }: Record<string, unknown> = { ...value }
  return typeof name === 'string' && Number.isSafeInteger(incarnation)
}
