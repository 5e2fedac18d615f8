import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fromBinary } from '../../base/bytes.ts'
import { PaxosError } from '../../base/error.ts'
import { chainValueOf } from '../../machine/chain.ts'
import type { KvMachine } from '../../machine/kv-machine.ts'
import { type Slot, toNodeId } from '../../protocol/ids.ts'
import { decodeIncrement } from '../../wire/increment-codec.ts'
import type { DataDirectory } from '../store/data-directory.ts'
import type { BackupChain } from './backup-chain.ts'
import { type CheckedBackup, type CheckedIncrement, checkBackup, readChunks } from './backup-file.ts'
import { backupFrames } from './backup-writer.ts'
import { fillStore } from './fill-store.ts'
import { PartialFile } from './partial-file.ts'
import { Replay } from './replay.ts'
import { checkPoint, type RestorePoint } from './restore-point.ts'
import { withDirectory } from './with-directory.ts'

const chunkBytes = 256 * 1024

/**
 * Makes a full backup of what the files come to at a point, in `scratch`: as one that had been made at that moment, so
 * everything that can be done with one can be done with it. Throws PaxosError USAGE when the files do not reach the point,
 * BACKUP_DAMAGED when replaying them comes to another state than the cluster had.
 */
export async function materialize(chain: BackupChain, point: RestorePoint, scratch: string): Promise<CheckedBackup> {
  checkPoint(point, chain)
  const path = join(scratch, 'materialized.paxos')
  const work = join(scratch, 'replay')
  const expected = { clusterId: 'replay', nodeId: toNodeId(1), name: 'replay' }
  await withDirectory({ path: work, expected }, async ({ state }) => {
    await fillStore(state, chain.base)
    const replay = new Replay(state, point)
    for (const increment of chain.increments) {
      if (replay.isThere) break
      compareChain(increment, 'before', replay.machine, increment.manifest.chainBefore)
      await replayIncrement(increment, replay)
      if (!replay.isThere) compareEnd(increment, replay.machine)
    }
    await replay.flush()
    await write(path, state, replay.machine.appliedUpTo, chain)
  })
  await rm(work, { recursive: true })
  return await checkBackup(path)
}

async function replayIncrement(increment: CheckedIncrement, replay: Replay): Promise<void> {
  await readChunks(increment, async (chunk) => {
    for (const entry of decodeIncrement(chunk)) await replay.apply(entry)
  })
}

function compareEnd(increment: CheckedIncrement, machine: KvMachine): void {
  const { applied, revision, compactedRevision, chain, chainSince } = increment.manifest
  const found = {
    applied: machine.appliedUpTo,
    revision: machine.revision,
    compactedRevision: machine.compactedRevision,
  }
  for (const [name, said] of Object.entries({ applied, revision, compactedRevision })) {
    const value = found[name as keyof typeof found]
    if (value !== said) throw differs(increment, `it comes to ${name} ${value}, and the cluster came to ${said}`)
  }
  if (machine.chain.since !== chainSince) {
    throw differs(
      increment,
      `the hash chain runs since slot ${machine.chain.since}, and the cluster's since ${chainSince}`,
    )
  }
  compareChain(increment, 'after', machine, chain)
}

function compareChain(increment: CheckedIncrement, when: 'before' | 'after', machine: KvMachine, said: string): void {
  const chain = Buffer.from(fromBinary(chainValueOf(machine.chain.words))).toString('hex')
  if (chain !== said) {
    throw differs(increment, `the hash chain ${when} it is ${chain}, and the cluster had ${said}`)
  }
}

function differs({ path }: CheckedIncrement, what: string): PaxosError {
  return new PaxosError('BACKUP_DAMAGED', `Replaying ${path}, ${what}`, {
    hint: 'It is whole, but does not lead where the cluster was. Run the version that made it, or restore to a point before it.',
  })
}

async function write(path: string, state: DataDirectory['state'], upTo: Slot, { end }: BackupChain): Promise<void> {
  const { program, clusterId, node, group, epoch, consistency, createdAt } = end
  const origin = { program, clusterId, node, group, epoch, consistency, createdAt }
  const snapshot = state.snapshot(upTo)
  const file = await PartialFile.create(path)
  try {
    for await (const frame of backupFrames(snapshot, origin, chunkBytes)) await file.write(frame)
    await file.finish()
  } finally {
    await file.discard()
    snapshot.close()
  }
}
