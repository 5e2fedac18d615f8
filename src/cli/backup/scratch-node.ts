import { join } from 'node:path'
import { assert } from '../../base/assert.ts'
import { toBinary } from '../../base/bytes.ts'
import { PaxosClient } from '../../client/client.ts'
import type { KeyValue } from '../../client/key-value.ts'
import type { CheckedBackup } from '../../daemon/backup/backup-file.ts'
import { ContentTally } from '../../daemon/backup/content-tally.ts'
import { foundersOf, planRestore, restore } from '../../daemon/backup/restore.ts'
import { badBackup } from '../../daemon/backup/verify.ts'
import { loadNodeConfig } from '../../daemon/config.ts'
import { createLogger } from '../../daemon/logger.ts'
import { startNode } from '../../daemon/node.ts'
import { itemKey } from '../../machine/layout.ts'
import { encodeItem } from '../../machine/records.ts'
import type { Key } from '../../machine/request.ts'
import { encodeEntries } from '../../wire/backup-codec.ts'
import { scan } from '../scan.ts'

const name = 'verify'

/**
 * Restores the backup to a cluster of one in `scratch`, starts its node in this process, and reads every key through the
 * client port. Throws PaxosError BACKUP_DAMAGED when something else comes out than went in.
 */
export async function verifyWithNode(backup: CheckedBackup, scratch: string, version: string): Promise<void> {
  const { path, manifest } = backup
  const settings = {
    name,
    dataDir: join(scratch, 'restored'),
    // A cluster of one dials nobody.
    bootstrapMembers: `${name}=127.0.0.1:1`,
    clusterToken: 'paxos-backup-verify',
    listenClient: '127.0.0.1:0',
    listenPeer: '127.0.0.1:0',
    logLevel: 'silent',
  }
  const config = loadNodeConfig({ settings, set: [], file: undefined }, {}, scratch)
  const plan = await planRestore(backup, foundersOf([config]), 0)
  await restore(plan, () => {})
  const log = createLogger({ node: name, level: config.logLevel, format: 'json' })
  const node = await startNode(config, { log, version, stopped: new Promise(() => {}) })
  assert(node !== undefined, 'a node that nobody asked to stop did not start')
  const client = new PaxosClient({ endpoints: [`http://${node.clientAddress}`] })
  try {
    const tally = new ContentTally()
    for await (const page of scan<KeyValue>(client, {})) {
      if (page.items.length > 0) tally.add(encodeEntries(page.items.map(entryOf)))
    }
    const { keys, keysSha256 } = tally.content()
    if (keysSha256 !== manifest.keysSha256) {
      throw badBackup(path, `a restored node gives out ${keys} keys that differ from the ${manifest.keys} in it`)
    }
    const { revision } = await client.put('paxos backup verify', 'a first write')
    if (revision !== plan.meta.revision + 1) {
      throw badBackup(
        path,
        `the first write to a restored node got revision ${revision}, not ${plan.meta.revision + 1}`,
      )
    }
  } finally {
    await client.close()
    await node.stop()
  }
}

function entryOf({ key, value, createRevision, modRevision, version }: KeyValue): readonly [string, Uint8Array] {
  return [itemKey(toBinary(key) as Key), encodeItem(createRevision, modRevision, version, value)]
}
