/**
 * Writes a recovery plan into the directory of a stopped survivor.
 *
 * - everything in the acceptor's tree is one change of it: the decided entries as chosen, the stop sign after them, the promise above
 *   all others, the next epoch, and the identity of the recovered cluster. identity.json follows.
 * - between the two no node starts on the directory, and applying the same plan again finishes it.
 * - a directory in which anything has changed that the plan rests on is refused.
 */
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { metaOf } from '../../machine/records.ts'
import { type NodeId, nextSlot } from '../../protocol/ids.ts'
import type { AcceptorStore } from '../../runtime/ports.ts'
import { recoveredWrites } from '../../runtime/recovered-writes.ts'
import { checkTree, scanEpochs, scanLog } from '../store/acceptor-load.ts'
import { acceptorPageSize } from '../store/data-directory.ts'
import { acceptorFile, readIdentityRecord, refused } from '../store/directory-identity.ts'
import { lockDirectory } from '../store/directory-lock.ts'
import { type Environment, isUnborn, openEnvironment } from '../store/environment.ts'
import { FailStop } from '../store/fail-stop.ts'
import {
  directoryFormat,
  encodeIdentity,
  type Identity,
  readIdentityFile,
  sameIdentity,
  writeIdentityFile,
} from '../store/identity.ts'
import { ensureJournalFile } from '../store/journal-file.ts'
import type { JournaledTree } from '../store/journaled-tree.ts'
import { identityKey, LogKeys } from '../store/keys.ts'
import type { LayeredTree } from '../store/layered-tree.ts'
import { LmdbAcceptorStore } from '../store/lmdb-acceptor-store.ts'
import { stateFile } from '../store/lmdb-state-store.ts'
import { openJournaledTree } from '../store/open-journaled-tree.ts'
import { readIncarnations } from '../store/own-incarnations.ts'
import { readPeerIncarnations } from '../store/peer-incarnations.ts'
import { encodeRecord } from '../store/record.ts'
import type { RecordTree } from '../store/record-tree.ts'
import { settled } from '../store/settled.ts'
import { statePageSize, stateView } from '../store/state-tree.ts'
import { readStoppedTree } from '../store/stopped-tree.ts'
import { survivorOf } from './directory-survivor.ts'
import { fingerprintOf } from './fingerprint.ts'
import { type PlanFile, rangesOf } from './plan-file.ts'

export interface Applied {
  readonly name: string
  readonly id: NodeId
  readonly directory: string
  /** As it was found. `interrupted`: an earlier run wrote the acceptor's state and no more. */
  readonly found: 'ready' | 'interrupted' | 'applied'
}

/** Changes nothing in a dry run. Throws PaxosError RECOVERY_REFUSED, DATA_DIR_REFUSED, STORE_FAILED. */
export async function applyPlan(plan: PlanFile, directory: string, isDryRun: boolean): Promise<Applied> {
  const path = resolve(directory)
  if (statSync(join(path, acceptorFile), { throwIfNoEntry: false }) === undefined) {
    throw refused(path, 'there is no node in it', { hint: 'Check the path of the data directory.' })
  }
  const lock = await lockDirectory(path)
  let environment: Environment | undefined
  try {
    const file = await readIdentityFile(path)
    environment = openEnvironment(join(path, acceptorFile), { pageSize: acceptorPageSize, readOnly: isDryRun })
    checkTree(environment)
    const tree = await readStoppedTree(path, environment)
    const record = readIdentityRecord(tree)
    if (record === undefined || file === undefined) {
      throw refused(path, 'it is not whole', { hint: '`paxos doctor --data-dir` says what is missing.' })
    }
    const { nodeId: id, name } = record
    const found = findState(plan, path, record, file)
    if (found === 'ready') {
      checkUnchanged(plan, path, record, tree)
      await checkData(plan, path, record)
    }
    const { recovered = [] } = record
    const next = { clusterId: plan.recoveredId, recovered: [...recovered, plan.clusterId] }
    const identity = found === 'ready' ? { ...record, ...next, formatVersion: directoryFormat } : record
    if (!isDryRun && found !== 'applied') {
      const opened = { path, environment, stopped: tree }
      environment = undefined
      await write(found === 'ready' ? plan : undefined, identity, opened)
      await writeIdentityFile(path, identity)
    }
    return { name, id, directory: path, found }
  } finally {
    await environment?.close()
    await lock.release()
  }
}

function findState(plan: PlanFile, path: string, record: Identity, file: Identity): Applied['found'] {
  const { nodeId, diskId, name, clusterId } = record
  const isSame = sameIdentity(record, file)
  const isOurs = plan.survivors.some((survivor) => survivor.id === nodeId && survivor.diskId === diskId)
  if (isOurs && clusterId === plan.recoveredId) {
    if (isSame) return 'applied'
    if (file.diskId === diskId && file.clusterId === plan.clusterId) return 'interrupted'
  }
  if (isOurs && isSame && clusterId === plan.clusterId) return 'ready'
  if (plan.dead.some(({ id }) => id === nodeId) && clusterId === plan.clusterId) {
    throw refusedHere(
      path,
      `it is of ${name}, which the plan names as dead`,
      'A node that is alive belongs into the plan.',
    )
  }
  if (clusterId !== plan.clusterId) {
    const recovered = record.recovered?.includes(plan.clusterId) === true
    const why = recovered ? 'another plan was applied to it' : `it belongs to cluster ${clusterId}`
    throw refusedHere(path, `${why}, and the plan is for ${plan.clusterId}`, 'Take the plan that was applied before.')
  }
  const why = isOurs ? 'its files name different nodes' : `the plan was not made with this directory of ${name}`
  throw refusedHere(path, why, 'Check the path, or make a new plan with it.')
}

function checkUnchanged(plan: PlanFile, path: string, record: Identity, tree: RecordTree): void {
  const { loadEpochs, load } = acceptorOf(tree)
  const survivor = survivorOf({
    identity: record,
    view: { get: () => undefined, range: () => [] },
    epochs: loadEpochs,
    load,
    incarnations: () => readIncarnations(tree),
    met: () => readPeerIncarnations(tree),
  })
  const ranges = rangesOf(
    plan.logs.map(({ epoch, from, entries }) => ({ epoch, from, to: nextSlot(from, entries.length) })),
  )
  const planned = plan.survivors.find(({ id }) => id === record.nodeId)
  const newest = survivor.epochs.at(-1)?.number ?? 0
  const isKnown = plan.epochs.some(({ number }) => number === newest)
  if (isKnown && fingerprintOf(survivor, ranges) === planned?.fingerprint) return
  const hint = 'Nothing was changed. The node ran since: stop it, and make a new plan from what all survivors hold now.'
  throw refusedHere(path, `${record.name} has promised or voted since the plan was made`, hint)
}

/** What the plan counts on being there may be all that is left of it. */
async function checkData(plan: PlanFile, path: string, { nodeId, name }: Identity): Promise<void> {
  const wanted = plan.survivors.find(({ id }) => id === nodeId)?.appliedUpTo ?? 0
  const file = join(path, stateFile)
  let found = 0
  if (statSync(file, { throwIfNoEntry: false }) !== undefined && !isUnborn(file, statePageSize)) {
    const state = openEnvironment(file, { pageSize: statePageSize, readOnly: true })
    found = metaOf(stateView(state)).appliedUpTo
    await state.close()
  }
  if (found >= wanted) return
  const why = `the data of ${name} has everything below slot ${found}, and had ${wanted} when the plan was made`
  throw refusedHere(path, why, 'Put state.mdb back where it was, or make a new plan with what is there.')
}

/** The longest that one commit may take. */
const commitDeadlineMs = 60_000

interface Opened {
  readonly path: string
  readonly environment: Environment
  readonly stopped: LayeredTree
}

/** All of it is in LMDB when it resolves; without a plan, what an earlier run wrote. Closes the environment. */
async function write(plan: PlanFile | undefined, identity: Identity, opened: Opened): Promise<void> {
  const { path, environment, stopped } = opened
  const failStop = new FailStop({ commitDeadlineMs, onFailure: () => {} })
  let closing: { close(): Promise<void> } = environment
  try {
    await ensureJournalFile(path)
    const tree = await openJournaledTree(path, { environment, stopped, failStop })
    closing = tree
    if (plan !== undefined) await writePlan(plan, identity, tree)
    await tree.fold()
  } finally {
    await closing.close()
    failStop.close()
  }
}

async function writePlan(plan: PlanFile, identity: Identity, tree: JournaledTree): Promise<void> {
  const store = new LmdbAcceptorStore(tree)
  const writes = recoveredWrites(plan, identity.nodeId, acceptorOf(tree))
  const named = { key: identityKey, value: encodeRecord(identityKey, encodeIdentity(identity)) }
  // One turn, at once or not at all: what is decided, and whose it is, cannot differ.
  await Promise.all([settled((done) => tree.write([named], done)), settled((done) => store.commit(writes, done))])
}

function acceptorOf(tree: RecordTree): Pick<AcceptorStore, 'loadEpochs' | 'load'> {
  return {
    loadEpochs: (group) => scanEpochs(tree, group),
    load: (group, epoch) => scanLog(tree, new LogKeys(group, epoch)).loaded,
  }
}

function refusedHere(path: string, why: string, hint: string): PaxosError {
  return new PaxosError('RECOVERY_REFUSED', `Cannot apply the plan to ${path}: ${why}`, { hint })
}
