import { constants, type Stats, statSync } from 'node:fs'
import { access, readdir, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { PaxosError } from '../../base/error.ts'
import type { ReadView } from '../../machine/view.ts'
import type { Epoch } from '../../protocol/epoch.ts'
import {
  type EpochNumber,
  firstGroup,
  type GroupId,
  type Incarnation,
  type NodeId,
  toIncarnation,
} from '../../protocol/ids.ts'
import type { LoadedGroup } from '../../runtime/ports.ts'
import type { StoreUsageJson } from '../../wire/api-types.ts'
import type { PeerIncarnation } from '../net/admission.ts'
import { checkTree, scanEpochs, scanLog } from './acceptor-load.ts'
import {
  acceptorFile,
  acceptorLost,
  ensureIdentity,
  establishedIdentity,
  identityLost,
  raiseFormat,
  readIncarnation,
  refused,
} from './directory-identity.ts'
import { type LockOptions, lockDirectory, lockFile, lockSocket } from './directory-lock.ts'
import { makeDirectory, syncDirectory } from './durable-file.ts'
import { type Environment, isUnborn, openEnvironment, reasonOf, removeUnborn } from './environment.ts'
import { FailStop } from './fail-stop.ts'
import { fileSystemSpace } from './file-system-space.ts'
import { type ExpectedIdentity, type Identity, identityFile, readIdentityFile } from './identity.ts'
import { ensureJournalFile, journalFile } from './journal-file.ts'
import { LogKeys } from './keys.ts'
import { LmdbAcceptorStore } from './lmdb-acceptor-store.ts'
import { LmdbStateStore, stateFile } from './lmdb-state-store.ts'
import { openJournaledTree } from './open-journaled-tree.ts'
import { beginIncarnation, type OwnIncarnation, type OwnIncarnations, readIncarnations } from './own-incarnations.ts'
import { LmdbPeerIncarnations, readPeerIncarnations } from './peer-incarnations.ts'
import type { RecordTree } from './record-tree.ts'
import {
  checkState,
  readStateSizes,
  type SizesWanted,
  type StateCheck,
  type StateSizes,
  stateDamagedHint,
  statePageSize,
  stateView,
} from './state-tree.ts'
import { readStoppedTree } from './stopped-tree.ts'
import { usageOf } from './store-usage.ts'

export interface DataDirectoryOptions extends Omit<LockOptions, 'isReading'> {
  readonly path: string
  /** Whose directory it must be; a missing or empty one becomes theirs. Undefined takes whatever node is there. */
  readonly expected: ExpectedIdentity | undefined
  /** The disk failed, or is too slow to be believed. Nothing is acknowledged any more: the node must stop. */
  readonly onFailure: (error: PaxosError) => void
  readonly commitDeadlineMs?: number
  /** Of truncated votes that stay for increments of backups. */
  readonly keptBytesMax?: number
  readonly snapshotIdleMs?: number
}

export interface DataDirectory {
  readonly identity: Identity
  /** Of this run, higher than every one before. */
  readonly incarnation: Incarnation
  readonly incarnations: OwnIncarnations
  readonly acceptor: LmdbAcceptorStore
  readonly state: LmdbStateStore
  /** With which disk, and in which incarnation, each other node was met. */
  readonly peerIncarnations: LmdbPeerIncarnations
  sizeBytes(): { readonly acceptor: number; readonly state: number }
  /** Free on the file system, for this user. */
  freeBytes(): Promise<number>
  /** Waits for what is in flight, closes the files and lets the next process in. */
  close(): Promise<void>
}

/** A stopped node's directory, for looking at. Nothing is written, and no node can start on it meanwhile. */
export interface ReadOnlyDirectory {
  readonly identity: Identity
  /** Of the node's last run; undefined when it never ran. */
  readonly incarnation: Incarnation | undefined
  readonly view: ReadView
  epochs(group: GroupId): readonly Epoch[]
  load(group: GroupId, epoch: EpochNumber): LoadedGroup
  /** Of this node, rising; the last few. */
  incarnations(): readonly OwnIncarnation[]
  /** As each other node was met last. */
  met(): ReadonlyMap<NodeId, PeerIncarnation>
  acceptorUsage(): StoreUsageJson
  /** Undefined when the node stopped before its machine had a file. */
  stateUsage(): StoreUsageJson | undefined
  stateSizes(wanted: SizesWanted): StateSizes
  /** Reads what the others above leave out. Throws PaxosError DATA_DIR_REFUSED when a node could not start on it. */
  checkRest(): StateCheck
  close(): Promise<void>
}

export const acceptorPageSize = 4096
const commitDeadlineMsDefault = 10_000
const snapshotIdleMsDefault = 60_000

/**
 * Opens a node's directory, or creates it for `expected`. Throws PaxosError DATA_DIR_REFUSED, having changed nothing; STOPPING
 * when waiting for its lock was given up.
 */
export async function openDataDirectory(options: DataDirectoryOptions): Promise<DataDirectory> {
  const path = resolve(options.path)
  await prepare(path, options.expected !== undefined)
  const lock = await lockDirectory(path, options)
  const failStop = new FailStop({
    commitDeadlineMs: options.commitDeadlineMs ?? commitDeadlineMsDefault,
    onFailure: options.onFailure,
  })
  const opened: { close(): Promise<void> }[] = []
  try {
    const file = await readIdentityFile(path)
    await checkFiles(path, file !== undefined, options.expected !== undefined)
    if (file === undefined) removeUnborn(join(path, acceptorFile), acceptorPageSize)
    const acceptor = openEnvironment(join(path, acceptorFile), { pageSize: acceptorPageSize, readOnly: false })
    opened.push(acceptor)
    checkTree(acceptor)
    const stopped = await readStoppedTree(path, acceptor)
    const found = { directory: path, environment: acceptor, tree: stopped, file }
    const established = await ensureIdentity(found, options.expected)
    const known = readKnown(stopped)
    const snapshotIdleMs = options.snapshotIdleMs ?? snapshotIdleMsDefault
    const state = new LmdbStateStore({ directory: path, failStop, snapshotIdleMs })
    opened.push(state)
    await syncDirectory(path)
    await ensureJournalFile(path)
    const identity = await raiseFormat(found, established)
    const tree = await openJournaledTree(path, { environment: acceptor, stopped, failStop })
    // Which closes it with the rest.
    opened[0] = tree
    // Last: only the last few are kept, and starts that came to nothing must not push them out.
    const incarnations = await beginIncarnation(tree)
    const store = new LmdbAcceptorStore(tree, options.keptBytesMax)
    return {
      identity,
      incarnation: incarnations.current.incarnation,
      incarnations,
      acceptor: store,
      state,
      peerIncarnations: new LmdbPeerIncarnations(tree, known),
      sizeBytes: () => ({ acceptor: sizeOf(join(path, acceptorFile)), state: sizeOf(join(path, stateFile)) }),
      freeBytes: async () => (await fileSystemSpace(path)).freeBytes,
      close: async () => {
        await store.close()
        await state.close()
        failStop.close()
        // A write that hangs may still reach the disk: nobody else may begin before this process has ended.
        if (!failStop.failed) await lock.release()
      },
    }
  } catch (error) {
    failStop.close()
    for (const each of opened.toReversed()) await each.close()
    if (!failStop.failed) await lock.release()
    throw error
  }
}

/** Reads what a start takes from the acceptor's tree beside the log, before it changes anything. Throws PaxosError DATA_DIR_REFUSED. */
function readKnown(tree: RecordTree): ReadonlyMap<NodeId, PeerIncarnation> {
  readIncarnation(tree)
  readIncarnations(tree)
  scanEpochs(tree, firstGroup)
  return readPeerIncarnations(tree)
}

/** Makes the directory if need be, and sees that a node can begin in it. Throws PaxosError DATA_DIR_REFUSED. */
export async function checkNewDirectory(directory: string): Promise<void> {
  const path = resolve(directory)
  await prepare(path, true)
  const lock = await lockDirectory(path)
  try {
    await checkFiles(path, false, true)
  } finally {
    await lock.release()
  }
}

/** Throws PaxosError DATA_DIR_REFUSED when there is no node, when it runs, or when the directory is not whole. */
export async function openDataDirectoryReadOnly(options: { readonly path: string }): Promise<ReadOnlyDirectory> {
  const path = resolve(options.path)
  await prepare(path, false)
  const lock = await lockDirectory(path, { isReading: true })
  const opened: Environment[] = []
  const close = async (): Promise<void> => {
    for (const environment of opened) await environment.close()
    await lock.release()
  }
  try {
    const file = await readIdentityFile(path)
    await checkFiles(path, file !== undefined, false)
    const acceptor = openEnvironment(join(path, acceptorFile), { pageSize: acceptorPageSize, readOnly: true })
    opened.push(acceptor)
    checkTree(acceptor)
    const tree = await readStoppedTree(path, acceptor)
    const identity = establishedIdentity({ directory: path, environment: acceptor, tree, file })
    const incarnation = readIncarnation(tree)
    const state = openState(path, opened)
    return {
      identity,
      incarnation: incarnation === undefined ? undefined : toIncarnation(incarnation),
      view: state === undefined ? noState : stateView(state),
      epochs: (group) => scanEpochs(tree, group),
      load: (group, epoch) => scanLog(tree, new LogKeys(group, epoch)).loaded,
      incarnations: () => readIncarnations(tree),
      met: () => readPeerIncarnations(tree),
      acceptorUsage: () => usageOf(acceptor),
      stateUsage: () => (state === undefined ? undefined : usageOf(state)),
      stateSizes: (wanted) => (state === undefined ? { records: [], done: true } : readStateSizes(state, wanted)),
      checkRest: () => {
        readPeerIncarnations(tree)
        return state === undefined ? { records: 0, damaged: [] } : checkState(state)
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

const noState: ReadView = { get: () => undefined, range: () => [] }

/** Undefined when the node stopped before its machine had a file. */
function openState(path: string, opened: Environment[]): Environment | undefined {
  const file = join(path, stateFile)
  if (statSync(file, { throwIfNoEntry: false }) === undefined || isUnborn(file, statePageSize)) return undefined
  const state = openEnvironment(file, { pageSize: statePageSize, readOnly: true, damagedHint: stateDamagedHint })
  opened.push(state)
  return state
}

async function prepare(path: string, mayCreate: boolean): Promise<void> {
  const found = await statOrUndefined(path)
  if (found === undefined) {
    if (!mayCreate) throw refused(path, 'it does not exist', { hint: 'Check the path of the data directory.' })
    await makeDirectory(path).catch((cause: unknown) => {
      throw refused(path, `it cannot be created: ${reasonOf(cause)}`, { hint: 'Check owner and permissions.', cause })
    })
    return
  }
  if (!found.isDirectory()) {
    throw refused(path, 'it is not a directory', { hint: 'Check the path of the data directory.' })
  }
  await access(path, constants.R_OK | constants.W_OK | constants.X_OK).catch((cause: unknown) => {
    throw refused(path, `it is not writable: ${reasonOf(cause)}`, { hint: 'Check owner and permissions.', cause })
  })
}

async function statOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw refused(path, `it cannot be read: ${reasonOf(cause)}`, { hint: 'Check the path and its permissions.', cause })
  }
}

/** Where a restore builds the files of a node, below its directory. Without an identity beside it, it was not finished. */
export const restoreWork = 'restore.tmp'

/** What may lie in a directory that is about to become a node's: our own beginnings, sockets, and a file system's own. */
const mayBeThere = new Set([
  ...[acceptorFile, `${acceptorFile}-lock`, stateFile, `${stateFile}-lock`],
  ...[`${identityFile}.tmp`, lockSocket, lockFile, 'lost+found'],
])

async function checkFiles(path: string, hasIdentity: boolean, mayCreate: boolean): Promise<void> {
  const names = await readdir(path)
  if (hasIdentity) {
    if (!names.includes(acceptorFile)) throw acceptorLost(path, `${acceptorFile} is missing`)
    return
  }
  if (names.includes(restoreWork)) {
    throw refused(path, 'a restore into it was interrupted', { hint: 'Run the same `paxos restore` again.' })
  }
  // It is made after identity.json.
  if (names.includes(journalFile)) throw identityLost(path)
  if (!mayCreate && !names.includes(acceptorFile)) {
    throw refused(path, 'there is no node in it', { hint: 'Check the path of the data directory.' })
  }
  const foreign = names.filter((name) => !mayBeThere.has(name) && !name.endsWith('.sock'))
  if (foreign.length > 0) {
    throw refused(path, `it is not empty and holds no node, but ${foreign.slice(0, 3).join(', ')}`, {
      hint: 'Choose an empty directory for a new node.',
    })
  }
  if (names.includes(stateFile) && !names.includes(acceptorFile)) throw acceptorLost(path, `${acceptorFile} is missing`)
  await rm(join(path, `${identityFile}.tmp`), { force: true })
}

function sizeOf(path: string): number {
  return statSync(path).size
}
