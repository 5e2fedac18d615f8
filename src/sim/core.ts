import { Random } from '../base/random.ts'
import { acceptorIds, type Epoch, isMember, quorumsOf } from '../protocol/epoch.ts'
import type { SimNode } from './node.ts'
import type { SimOptions } from './options.ts'

/** Random nodes that are enough to elect and to choose, when nobody else ever comes back. */
export function drawCore({ q1, q2, seed, disk }: SimOptions, all: readonly SimNode[]): SimNode[] {
  const damaged = all.some((node) => node.mayCorrupt)
  // A vote that one node cannot read is known only to others: then all must be there.
  const size = damaged && disk.corruptVote > 0 ? all.length : Math.max(q1, q2)
  const random = new Random(seed + 77)
  const nodes = [...all]
    .map((node) => ({ node, draw: random.next() }))
    .sort((a, b) => a.draw - b.draw)
    .map(({ node }) => node)
  let core = nodes.slice(0, size)
  while (!hasAllData(core) && core.length < nodes.length) core = nodes.slice(0, core.length + 1)
  return core
}

/** Everybody, but those that the newest epoch left behind once enough of its members have what came before (20). */
export function coreOf(newest: Epoch, all: readonly SimNode[]): SimNode[] {
  const { n, q1, q2 } = quorumsOf(newest).sizes
  const nodes = all.filter(({ isOutcast }) => !isOutcast)
  const ready = nodes.filter(
    ({ id, epoch, stateDisk }) =>
      acceptorIds(newest).has(id) && epoch.number === newest.number && stateDisk.appliedUpTo >= newest.startSlot,
  )
  const isHandedOver = ready.length >= Math.max(q2, n - q1 + 1)
  return isHandedOver ? nodes.filter(({ id }) => isMember(newest, id)) : nodes
}

/** What their logs forgot is in the machine of one of them. It may not be, when another lost its data. */
function hasAllData(nodes: readonly SimNode[]): boolean {
  return nodes.some((node) => node.stateDisk.appliedUpTo >= truncatedUpTo(nodes))
}

/** Below this some log has forgotten what was chosen. */
export function truncatedUpTo(nodes: readonly SimNode[]): number {
  return Math.max(...nodes.flatMap(({ acceptorDisk }) => acceptorDisk.images.map((image) => image.truncatedUpTo)))
}
