/** The simulator's disks keep the same contracts as those of the daemon, so that what holds on them holds there. */
import { toSlot } from '../../src/protocol/ids.ts'
import { AcceptorDisk } from '../../src/sim/acceptor-disk.ts'
import { StateDisk } from '../../src/sim/state-disk.ts'
import { acceptorStoreConformance } from '../conformance/acceptor-store.ts'
import { stateStoreConformance } from '../conformance/state-store.ts'

const nothing = (): void => {}

const host = {
  after: (_delayMs: number, task: () => void): void => void setImmediate(task),
  fate: () => ({ delayMs: 0, failure: undefined }),
  onCommit: nothing,
  onDurable: nothing,
  onStored: nothing,
  onStateStored: nothing,
}

acceptorStoreConformance('AcceptorDisk of the simulator', async () => {
  const disk = new AcceptorDisk(host)
  return {
    open: async () => ({
      store: disk,
      breakDisk: () => disk.fail(),
      close: async () => disk.crash(0),
    }),
    damage: async (group, epoch, damage) => {
      const image = disk.image(epoch, group)
      if (damage.kind === 'vote') image.corrupt.add(toSlot(damage.slot))
      else if (damage.kind === 'chosen') image.chosenUpTo = toSlot(0)
      else image.isRefused = true
    },
    dispose: async () => {},
  }
})

stateStoreConformance('StateDisk of the simulator', async () => {
  const disk = new StateDisk(host)
  return {
    open: async () => ({
      store: disk,
      breakDisk: () => disk.fail(),
      close: async () => disk.crash(),
    }),
    damage: async (key) => disk.damage(key),
    dispose: async () => {},
  }
})
