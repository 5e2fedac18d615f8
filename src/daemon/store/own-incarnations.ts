/**
 * The incarnations of a node, in its own directory: each start adds one, with a random id, before the node says anything. Others
 * remember the last one they met; a directory that does not know it is an older copy, however often it was started since.
 */
import { randomBytes } from 'node:crypto'
import { fromBinary, toBinary } from '../../base/bytes.ts'
import { type Incarnation, toIncarnation } from '../../protocol/ids.ts'
import { encodeCount } from './acceptor-codec.ts'
import { readOne } from './acceptor-load.ts'
import { readIncarnation } from './directory-identity.ts'
import type { JournaledTree } from './journaled-tree.ts'
import { incarnationKey, ownIncarnationsKey } from './keys.ts'
import { encodeRecord } from './record.ts'
import type { RecordTree } from './record-tree.ts'
import { settled } from './settled.ts'

export interface OwnIncarnation {
  readonly incarnation: Incarnation
  /** Random. */
  readonly incarnationId: string
}

export interface OwnIncarnations {
  readonly current: OwnIncarnation
  /** Rising; the last few. */
  readonly earlier: readonly OwnIncarnation[]
}

/** As many as fit a hello. A member that met the node last before all of them lets it in: it cannot tell. */
const incarnationsKept = 48

/** Begins an incarnation. Durable when it resolves: a ballot must not be used twice. */
export async function beginIncarnation(tree: JournaledTree): Promise<OwnIncarnations> {
  const incarnation = toIncarnation((readIncarnation(tree) ?? 0) + 1)
  const current = { incarnation, incarnationId: randomBytes(8).toString('hex') }
  const earlier = readIncarnations(tree)
  const kept = [...earlier, current].slice(-incarnationsKept)
  const text = kept.map((each) => `${each.incarnation}:${each.incarnationId}`).join(' ')
  const counted = { key: incarnationKey, value: encodeRecord(incarnationKey, encodeCount(incarnation)) }
  const noted = { key: ownIncarnationsKey, value: encodeRecord(ownIncarnationsKey, fromBinary(text)) }
  await settled((done) => tree.write([counted, noted], done))
  return { current, earlier: kept.slice(0, -1) }
}

/** Throws PaxosError DATA_DIR_REFUSED when the record cannot be read. */
export function readIncarnations(tree: RecordTree): OwnIncarnation[] {
  const text = readOne(tree, ownIncarnationsKey, toBinary, 'the incarnations of this node') ?? ''
  return text.split(' ').flatMap((part) => {
    const [number = '', incarnationId = ''] = part.split(':')
    return /^\d{1,15}$/.test(number) ? [{ incarnation: toIncarnation(Number(number)), incarnationId }] : []
  })
}
