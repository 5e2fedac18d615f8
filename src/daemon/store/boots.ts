/**
 * The lives of a node, in its own directory: each start adds one, with a random id, before the node says anything. Others
 * remember the last one they met; a directory that does not know it is an older copy, however often it was started since.
 */
import { randomBytes } from 'node:crypto'
import { fromBinary, toBinary } from '../../base/bytes.ts'
import { type Incarnation, toIncarnation } from '../../protocol/ids.ts'
import { encodeCount } from './acceptor-codec.ts'
import { readOne } from './acceptor-load.ts'
import { readIncarnation } from './directory-identity.ts'
import type { Environment } from './environment.ts'
import { bootsKey, incarnationKey } from './keys.ts'
import { encodeRecord } from './record.ts'

export interface Boot {
  readonly incarnation: Incarnation
  readonly bootId: string
}

export interface Boots {
  readonly current: Boot
  /** Rising; the last few. */
  readonly earlier: readonly Boot[]
}

/** As many as fit a hello. A member that met the node last before all of them lets it in: it cannot tell. */
const bootsKept = 48

/** Begins a life. Durable when it resolves: a ballot must not be used twice. */
export async function beginLife(environment: Environment): Promise<Boots> {
  const incarnation = toIncarnation((readIncarnation(environment) ?? 0) + 1)
  const current = { incarnation, bootId: randomBytes(8).toString('hex') }
  const earlier = readBoots(environment)
  const kept = [...earlier, current].slice(-bootsKept)
  const text = kept.map((boot) => `${boot.incarnation}:${boot.bootId}`).join(' ')
  // One turn, one transaction: the two cannot differ.
  const counted = environment.put(incarnationKey, encodeRecord(incarnationKey, encodeCount(incarnation)))
  const noted = environment.put(bootsKey, encodeRecord(bootsKey, fromBinary(text)))
  await Promise.all([counted, noted])
  return { current, earlier: kept.slice(0, -1) }
}

/** Throws PaxosError DATA_DIR_REFUSED when the record cannot be read. */
export function readBoots(environment: Environment): Boot[] {
  const text = readOne(environment, bootsKey, toBinary, 'the lives of this node') ?? ''
  return text.split(' ').flatMap((part) => {
    const [number = '', bootId = ''] = part.split(':')
    return /^\d{1,15}$/.test(number) ? [{ incarnation: toIncarnation(Number(number)), bootId }] : []
  })
}
