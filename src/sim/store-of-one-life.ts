import type { StateStore } from '../runtime/ports.ts'
import type { StateDisk } from './state-disk.ts'

/** The rest of a turn in which a node crashed still runs in the simulator; nothing of it may reach the disk. */
export function storeOfOneLife(disk: StateDisk, isAlive: () => boolean): StateStore {
  const alive = (task: () => void): void => {
    if (isAlive()) task()
  }
  return {
    view: disk.view,
    commit: (changes, done) => alive(() => disk.commit(changes, done)),
    snapshot: (appliedUpTo) => disk.snapshot(appliedUpTo),
    install: () => {
      const install = disk.install()
      return {
        put: (entries, done) => alive(() => install.put(entries, done)),
        finish: (done) => alive(() => install.finish(done)),
        abort: () => install.abort(),
      }
    },
  }
}
