import { PaxosError } from '../../base/error.ts'
import type { AdminClient, IncrementStartOptions } from '../../client/admin.ts'
import { BackupReader } from '../../daemon/backup/backup-reader.ts'
import { encodeFrame } from '../../wire/frame.ts'
import type { FileManifest } from '../../wire/increment-manifest.ts'
import { pause } from '../pause.ts'
import type { BackupOutput } from './backup-output.ts'

export interface BackupSource {
  readonly admin: Pick<AdminClient, 'backup' | 'status'>
  /** Asked in this order; then the other members that they know of. */
  readonly endpoints: readonly string[]
  readonly consistency: 'linearizable' | 'stale'
  /** The backup to continue; a full one is made without it. */
  readonly base?: BackupBase | undefined
  /** How long to go on asking when no node gives anything. */
  readonly timeoutMs: number
}

export interface BackupBase {
  readonly clusterId: string
  readonly start: IncrementStartOptions
}

export interface BackupProgress {
  bytes: number
  entries: number
}

export interface BackupEvents {
  readonly progress: BackupProgress
  remark(text: string): void
}

const roundPauseMs = 250
/** Of backups that broke off in the middle. Something is wrong then that asking again does not mend. */
const restartsMax = 10

/**
 * Reads a backup from one node, checking it as it comes. When that node fails, another is asked, from the beginning: what
 * is written in the end is one snapshot of one node. Throws the PaxosError that says most of those of the last round.
 */
export async function createBackup(
  source: BackupSource,
  output: BackupOutput,
  events: BackupEvents,
): Promise<FileManifest> {
  const endpoints = [...source.endpoints]
  const remarks = new Remarks(events)
  let heardAt = performance.now()
  let restarts = 0
  for (;;) {
    let hasHeard = false
    const failures: PaxosError[] = []
    // Members that are learned of on the way are asked in the same round.
    for (const endpoint of endpoints) {
      remarks.say()
      const before = events.progress.bytes
      try {
        for (const other of await otherMembers(source, endpoint)) {
          if (!endpoints.includes(other)) endpoints.push(other)
        }
        return await readFrom(source, endpoint, output, events.progress)
      } catch (error) {
        if (!(error instanceof PaxosError) || isOurs(error)) throw error
        failures.push(error)
        hasHeard ||= error.code !== 'CANNOT_CONNECT'
        const isMidway = events.progress.bytes > before
        if (isMidway) {
          if (++restarts > restartsMax) throw error
          heardAt = performance.now()
          hasHeard = true
          await output.restart()
        }
        remarks.next(endpoint, error, isMidway)
      }
    }
    const isFinal = failures.every(({ code }) => hopeless.has(code))
    if (!hasHeard || isFinal || performance.now() - heardAt > source.timeoutMs) {
      const failure = mostTelling(failures)
      if (failure !== failures.at(-1)) remarks.say()
      throw withHint(failure, source)
    }
    await pause(roundPauseMs)
  }
}

/** No node that says so will say otherwise soon. */
const hopeless: ReadonlySet<string> = new Set(['COMPACTED', 'PRECONDITION_FAILED', 'WRONG_CLUSTER'])

/** What a node answered says more than that one was slow, and that more than that nobody was there. */
function mostTelling(failures: readonly PaxosError[]): PaxosError | undefined {
  return (
    failures.find(({ code }) => code !== 'CANNOT_CONNECT' && code !== 'TIMEOUT') ??
    failures.find(({ code }) => code !== 'CANNOT_CONNECT') ??
    failures.at(-1)
  )
}

/** A node without a quorum looks for one as long as it may, which may be longer than we wait for its answer. */
function withHint(failure: PaxosError | undefined, { consistency }: BackupSource): PaxosError | undefined {
  if (failure?.code !== 'TIMEOUT' || consistency === 'stale') return failure
  return new PaxosError('TIMEOUT', failure.message, {
    hint: 'It may be without a quorum: see `paxos cluster status`. A longer --timeout waits for one, --stale takes what the node has.',
    cause: failure,
  })
}

/** Why another node is asked, each reason once, and only if one is: the error of the command comes by itself. */
class Remarks {
  readonly #events: BackupEvents
  readonly #said = new Set<string>()
  #next: string | undefined

  constructor(events: BackupEvents) {
    this.#events = events
  }

  next(endpoint: string, { message }: PaxosError, isMidway: boolean): void {
    this.#next = isMidway
      ? `${endpoint} broke off in the middle: ${message}; beginning again with another snapshot`
      : `${endpoint} gives no backup: ${message}`
  }

  say(): void {
    if (this.#next !== undefined && !this.#said.has(this.#next)) this.#events.remark(this.#next)
    this.#said.add(this.#next ?? '')
    this.#next = undefined
  }
}

/** Not the node's fault: no other node would do better. */
function isOurs({ code }: PaxosError): boolean {
  return code === 'USAGE' || code === 'BACKUP_REFUSED'
}

async function otherMembers({ admin, base }: BackupSource, endpoint: string): Promise<readonly string[]> {
  const { node, members, clusterId } = await admin.status(endpoint)
  if (base !== undefined && clusterId !== base.clusterId) {
    throw new PaxosError(
      'WRONG_CLUSTER',
      `${endpoint} is of cluster ${clusterId}, and the base is of ${base.clusterId}`,
      {
        hint: 'A restored cluster is another one: begin with a full backup of it.',
      },
    )
  }
  return members.flatMap(({ name, clientAddress }) =>
    clientAddress === null || name === node.name ? [] : [`http://${clientAddress}`],
  )
}

async function readFrom(
  { admin, consistency, base }: BackupSource,
  endpoint: string,
  output: BackupOutput,
  progress: BackupProgress,
): Promise<FileManifest> {
  const frames: Uint8Array[] = []
  const reader = new BackupReader({
    name: `the backup from ${endpoint}`,
    onFrame: (type, payload) => void frames.push(encodeFrame(type, payload)),
  })
  for await (const bytes of admin.backup(endpoint, consistency, base?.start)) {
    reader.push(bytes)
    progress.entries = reader.entries
    for (const frame of frames.splice(0)) {
      progress.bytes += frame.length
      await output.write(frame)
    }
  }
  return reader.finish()
}
