/**
 * Founds a new cluster with the data of a backup: a directory for each of its members, all with the same data, an empty
 * log that begins above it, and an identity that no node of another cluster has (`machine/restored.ts` says what of the
 * data goes on, and how).
 */
import { createHash } from 'node:crypto'
import { PaxosError } from '../../base/error.ts'
import { KvMachine } from '../../machine/kv-machine.ts'
import { metaKey } from '../../machine/layout.ts'
import { encodeMeta, type Meta } from '../../machine/records.ts'
import { isRestored, restoredMeta } from '../../machine/restored.ts'
import { firstGroup, toSlot } from '../../protocol/ids.ts'
import { Overlay } from '../../runtime/overlay.ts'
import type { StateInstall } from '../../runtime/ports.ts'
import { restoredWrites } from '../../runtime/restored-writes.ts'
import { type BackupEntry, decodeEntries, encodeEntries } from '../../wire/backup-codec.ts'
import { deriveCluster, type FoundingIdentity } from '../cluster-identity.ts'
import type { NodeConfig } from '../config-table.ts'
import { type DataDirectory, openDataDirectoryReadOnly } from '../store/data-directory.ts'
import { refused } from '../store/directory-identity.ts'
import { restoredClusterId } from '../store/identity.ts'
import { settled } from '../store/settled.ts'
import { type CheckedBackup, readChunks } from './backup-file.ts'
import { ContentTally } from './content-tally.ts'
import { buildDirectory, findDirectory } from './restore-directory.ts'
import { withDirectory } from './with-directory.ts'

export interface MemberPlan {
  readonly name: string
  readonly directory: string
  readonly configured: FoundingIdentity
  /** `done`: an earlier run of the same restore has prepared it, and no node has run on it. */
  readonly state: 'empty' | 'interrupted' | 'done'
}

/** Of a new cluster, those that are founded here; their configurations agree on what it is. */
export interface Founders {
  /** Before it is told from the cluster that the backup is of. */
  readonly clusterId: string
  readonly members: readonly { readonly config: NodeConfig; readonly cluster: FoundingIdentity }[]
}

export interface RestorePlan {
  readonly backup: CheckedBackup
  /** Of the new cluster. */
  readonly clusterId: string
  readonly restoredFrom: string
  readonly meta: Meta
  readonly members: readonly MemberPlan[]
}

/** Written in one commit while restoring. */
const installBytes = 1024 * 1024

/** Throws PaxosError BAD_CONFIG. */
export function foundersOf(configs: readonly NodeConfig[]): Founders {
  const members = configs.map((config) => ({ config, cluster: deriveCluster(config) }))
  const ids = new Set(members.map(({ cluster }) => cluster.clusterId))
  if (ids.size !== 1) {
    throw new PaxosError('BAD_CONFIG', 'The configurations describe different clusters', {
      hint: 'Members, token, quorum sizes and lease must be the same for every member.',
    })
  }
  // Two disks of one member vote twice: each of the nodes would be let in, and neither knows of the other's promises.
  const twice = configs.find(({ name }, at) => configs.findIndex((other) => other.name === name) !== at)
  if (twice !== undefined) {
    throw new PaxosError('BAD_CONFIG', `${twice.name} is to be restored twice`, {
      hint: 'Give each member one directory. A copy of a member must never run.',
    })
  }
  if (new Set(configs.map((config) => config.dataDir)).size !== configs.length) {
    throw new PaxosError('BAD_CONFIG', 'Two members have the same data directory', {
      hint: 'Give each member a directory of its own.',
    })
  }
  const [clusterId = ''] = ids
  return { clusterId, members }
}

/**
 * Looks at every directory; changes nothing. The backup was read as a whole, and is when it is restored: not here once more.
 * `revisionAbove`: revisions of the new cluster are above this one, too. Throws PaxosError DATA_DIR_REFUSED.
 */
export async function planRestore(
  backup: CheckedBackup,
  founders: Founders,
  revisionAbove: number,
): Promise<RestorePlan> {
  const meta = restoredMeta(backup.meta, revisionAbove)
  const { clusterId: old, contentSha256 } = backup.manifest
  const restoredFrom = createHash('sha256')
    .update(JSON.stringify(['paxos restore 1', old, contentSha256, meta.revision]))
    .digest('hex')
    .slice(0, 32)
  const members: MemberPlan[] = []
  for (const { config, cluster } of founders.members) {
    const member = { name: config.name, directory: config.dataDir, configured: cluster }
    members.push({ ...member, state: await stateOf(member, restoredFrom) })
  }
  return { backup, clusterId: restoredClusterId(founders.clusterId, restoredFrom), restoredFrom, meta, members }
}

/** Prepares what is not done yet. Throws like `planRestore` and `readChunks`, and STORE_FAILED. */
export async function restore(plan: RestorePlan, onMember: (member: MemberPlan) => void): Promise<void> {
  for (const member of plan.members) {
    if (member.state !== 'done') await buildDirectory(member.directory, (work) => buildMember(plan, member, work))
    onMember(member)
  }
}

async function stateOf(member: Omit<MemberPlan, 'state'>, restoredFrom: string): Promise<MemberPlan['state']> {
  const { directory, name, configured } = member
  const { kind } = await findDirectory(directory)
  if (kind !== 'node') return kind
  const found = await openDataDirectoryReadOnly({ path: directory })
  try {
    const { identity, incarnation } = found
    const isOurs =
      identity.restoredFrom === restoredFrom &&
      identity.clusterId === restoredClusterId(configured.clusterId, restoredFrom) &&
      identity.nodeId === configured.self.id
    if (!isOurs) {
      throw refused(directory, `it holds node ${identity.name} of cluster ${identity.clusterId}`, {
        hint: 'A restore wants an empty directory, or one that does not exist.',
      })
    }
    // The restore itself was the first.
    if (incarnation !== 1) {
      throw refused(directory, `node ${name} was restored into it before, and has run since`, {
        hint: 'Start it as it is. A member that forgets what it promised must not come back. To prepare those that are missing, leave it out of --data-dir: the same command with theirs alone.',
      })
    }
    return 'done'
  } finally {
    await found.close()
  }
}

async function buildMember(
  plan: RestorePlan,
  { configured, directory: home }: MemberPlan,
  work: string,
): Promise<void> {
  const { clusterId, self, epoch } = configured
  const expected = { clusterId, nodeId: self.id, name: self.name, restoredFrom: plan.restoredFrom }
  await withDirectory({ path: work, expected }, async (directory) => {
    const { acceptor, state } = directory
    await acceptor.saveEpoch(firstGroup, epoch)
    await settled((done) => acceptor.commit(restoredWrites(epoch, toSlot(plan.meta.appliedUpTo)), done))
    await fill(state.install(), plan)
    verifyMember(plan, directory, home)
  })
}

async function fill(install: StateInstall, { backup, meta }: RestorePlan): Promise<void> {
  let batch: BackupEntry[] = [[metaKey, encodeMeta(meta)]]
  let bytes = 0
  const flush = async (): Promise<void> => {
    const entries = batch
    batch = []
    bytes = 0
    await settled((done) => install.put(entries, done))
  }
  await readChunks(backup, async (chunk) => {
    for (const { key, value } of decodeEntries(chunk)) {
      if (!isRestored(key)) continue
      batch.push([key, value])
      bytes += key.length + value.length
    }
    if (bytes >= installBytes) await flush()
  })
  await flush()
  await settled((done) => install.finish(done))
}

/** Reads back what was written. Throws PaxosError STORE_FAILED when it is not what the backup holds. */
function verifyMember({ backup, meta }: RestorePlan, { state }: DataDirectory, home: string): void {
  const tally = tallyOf(state)
  const { keysSha256, keys } = tally.content()
  const machine = new KvMachine(new Overlay(state.view))
  const { manifest } = backup
  const isWhole =
    keysSha256 === manifest.keysSha256 && machine.revision === meta.revision && machine.appliedUpTo === meta.appliedUpTo
  if (isWhole) return
  throw new PaxosError('STORE_FAILED', `${home}: read back, it has ${keys} keys that differ from the backup's`, {
    hint: 'The disk lost or changed what was written. The directory is not usable; check the disk.',
  })
}

/** Of everything in a state store. */
export function tallyOf(state: DataDirectory['state']): ContentTally {
  const snapshot = state.snapshot(toSlot(0))
  try {
    const tally = new ContentTally()
    let after: string | undefined
    for (;;) {
      const { entries, done } = snapshot.page(after, installBytes)
      if (entries.length > 0) tally.add(encodeEntries(entries))
      if (done) return tally
      after = entries.at(-1)?.[0] ?? after
    }
  } finally {
    snapshot.close()
  }
}
