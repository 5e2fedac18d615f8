/**
 * What the pieces of a directory say together about whose it is, and whether it is whole.
 *
 * Order of the first creation: acceptor.mdb with the identity in it, identity.json, the journal, the first incarnation. A node
 * votes only after the incarnation is durable. So a directory without identity.json whose acceptor.mdb knows no incarnation
 * and no log was interrupted before its node could promise anything, and is created anew; in all other cases something was
 * lost.
 */
import { randomUUID } from 'node:crypto'
import { PaxosError } from '../../base/error.ts'
import { decodeCount } from './acceptor-codec.ts'
import { readOne } from './acceptor-load.ts'
import { syncDirectory } from './durable-file.ts'
import type { Environment } from './environment.ts'
import {
  checkExpected,
  decodeIdentity,
  directoryFormat,
  type ExpectedIdentity,
  encodeIdentity,
  type Identity,
  identityFile,
  restoredClusterId,
  sameIdentity,
  writeIdentityFile,
} from './identity.ts'
import { identityKey, incarnationKey } from './keys.ts'
import { decodeRecord, encodeRecord } from './record.ts'
import type { RecordTree } from './record-tree.ts'

export const acceptorFile = 'acceptor.mdb'

export interface Found {
  readonly directory: string
  readonly environment: Environment
  /** With what the journal has beyond it. */
  readonly tree: RecordTree
  /** What identity.json says. */
  readonly file: Identity | undefined
}

/** The identity of an existing, whole directory. Throws PaxosError DATA_DIR_REFUSED. */
export function establishedIdentity({ directory, environment, tree, file }: Found): Identity {
  const record = readIdentityRecord(tree)
  if (file === undefined && neverVoted(environment)) {
    throw refused(directory, 'its creation was interrupted', {
      hint: 'Start the node once with its configuration to complete it.',
    })
  }
  if (file === undefined) throw identityLost(directory)
  if (record === undefined) throw acceptorLost(directory, `${acceptorFile} holds no identity`)
  // The record is always written first.
  if (record.formatVersion < file.formatVersion) {
    throw acceptorLost(directory, `${acceptorFile} is of an earlier format than ${identityFile}`)
  }
  if (record.diskId === file.diskId && record.recovered?.includes(file.clusterId) === true) {
    throw refused(directory, 'a recovery of it was interrupted', { hint: 'Run the same `paxos recover apply` again.' })
  }
  if (!sameIdentity(record, file)) {
    throw refused(directory, `${identityFile} and ${acceptorFile} name different nodes`, {
      hint: 'Files of two directories were mixed. Put each back where it was; an old copy has forgotten promises and must not be started.',
    })
  }
  return record
}

/** Takes the directory for `expected` when it is new or half-created; otherwise checks that it is theirs. */
export async function ensureIdentity(found: Found, expected: ExpectedIdentity | undefined): Promise<Identity> {
  const { directory, environment, tree, file } = found
  const record = readIdentityRecord(tree)
  if (expected === undefined || file !== undefined || !neverVoted(environment)) {
    const identity = establishedIdentity(found)
    if (expected !== undefined) checkExpected(directory, identity, expected)
    return identity
  }
  if (record !== undefined) checkExpected(directory, record, expected)
  const identity = record ?? newIdentity(expected)
  if (record === undefined) {
    await environment.put(identityKey, encodeRecord(identityKey, encodeIdentity(identity)))
    await syncDirectory(directory)
  }
  await writeIdentityFile(directory, identity)
  return identity
}

/**
 * A directory of an earlier format becomes one of this, so that no earlier version takes it for its own. It may be interrupted
 * and done again: the two copies may differ in their format.
 */
export async function raiseFormat({ directory, environment, file }: Found, identity: Identity): Promise<Identity> {
  const raised = { ...identity, formatVersion: directoryFormat }
  if (identity.formatVersion < directoryFormat) {
    await environment.put(identityKey, encodeRecord(identityKey, encodeIdentity(raised)))
  }
  if (file !== undefined && file.formatVersion < directoryFormat) await writeIdentityFile(directory, raised)
  return raised
}

function newIdentity({ clusterId, nodeId, name, restoredFrom }: ExpectedIdentity): Identity {
  const fresh = { formatVersion: directoryFormat, nodeId, name, diskId: randomUUID() }
  if (restoredFrom === undefined) return { ...fresh, clusterId }
  return { ...fresh, clusterId: restoredClusterId(clusterId, restoredFrom), restoredFrom }
}

export function identityLost(directory: string): PaxosError {
  return refused(directory, `${identityFile} is missing`, {
    hint: 'Files of a node are there, so some were removed or mixed. Put back the one that was removed; an old copy of the directory has forgotten promises and must not be started.',
  })
}

export function acceptorLost(directory: string, what: string): PaxosError {
  return refused(directory, `${what}, so the promises of this node are lost`, {
    hint: 'A node that forgot its promises must not vote again. Bring it back under a new id, with an empty directory.',
  })
}

export function refused(directory: string, why: string, details: { hint: string; cause?: unknown }): PaxosError {
  return new PaxosError('DATA_DIR_REFUSED', `Cannot use ${directory}: ${why}`, details)
}

/** Undefined when there is none. Throws PaxosError DATA_DIR_REFUSED. */
export function readIncarnation(tree: RecordTree): number | undefined {
  return readOne(tree, incarnationKey, decodeCount, 'incarnation')
}

/** Nothing but an identity, or not even that. The mark of the journal counts, so what is in the journal alone need not be looked at. */
function neverVoted(environment: Environment): boolean {
  for (const key of environment.getKeys({ start: Uint8Array.of(0) })) {
    if (Buffer.compare(key, identityKey) !== 0) return false
  }
  return true
}

export function readIdentityRecord(tree: RecordTree): Identity | undefined {
  const record = tree.get(identityKey)
  if (record === undefined) return undefined
  const body = decodeRecord(identityKey, record)
  const identity = body === undefined ? undefined : decodeIdentity(body)
  if (identity === undefined) {
    throw refused('the data directory', `the identity in ${acceptorFile} is damaged`, {
      hint: 'Bring the node back under a new id.',
    })
  }
  return identity
}
