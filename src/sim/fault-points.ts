/** What is done to whoever leads; see ambush.ts. */
export const ambushKinds = ['cutOff', 'sleep', 'cutOffAndRestart', 'crash', 'crashLoop', 'clog'] as const

export type AmbushKind = (typeof ambushKinds)[number]

/**
 * Every place where the simulator can interfere. Counted, so that a place that is never hit in many seeds is noticed: it
 * tests nothing.
 */
export const faultPoints = [
  'net.drop',
  'net.duplicate',
  'net.reorder',
  'net.tail',
  'net.partition.isolate',
  'net.partition.halves',
  'net.partition.oneWay',
  'net.partition.bridge',
  'net.partition.chained',
  'net.partition.constrained',
  'net.partition.quorumLoss',
  'net.partition.random',
  'net.flap',
  'net.clog',
  'crash.beforeCommit',
  'crash.afterCommit',
  'crash.beforeSend',
  'crash.afterSend',
  'crash.atRandom',
  'process.pause',
  'process.slow',
  'process.restart',
  'process.stop',
  'ambush.cutOff',
  'ambush.sleep',
  'ambush.cutOffAndRestart',
  'ambush.crash',
  'ambush.crashLoop',
  'ambush.clog',
  'disk.lostUnsynced',
  'disk.keptUnsynced',
  'disk.corruptVote',
  'disk.commitFailed',
  'disk.commitDelayed',
  'disk.full',
  'disk.stateLost',
  'clock.drift',
  'clock.wallJump',
  'clock.suspend',
  'snapshot.sent',
  'snapshot.installed',
  'log.truncated',
  'log.catchup',
  'epoch.changed',
  'epoch.refused',
  'epoch.told',
  'epoch.joined',
  'epoch.removed',
  'operator.handOver',
  'operator.takeOver',
  'recovery.planned',
  'recovery.exact',
  'recovery.lossy',
  'recovery.interrupted',
  'recovery.returned',
  'recovery.stranger',
  'backup.taken',
  'backup.restored',
  'audit.origin',
  'audit.epoch',
  'audit.began',
] as const

export type FaultPoint = (typeof faultPoints)[number]

export class Coverage {
  readonly #hits = new Map<FaultPoint, number>()

  hit(point: FaultPoint): void {
    this.#hits.set(point, (this.#hits.get(point) ?? 0) + 1)
  }

  add(other: Readonly<Record<string, number>>): void {
    for (const point of faultPoints) {
      const more = other[point] ?? 0
      if (more > 0) this.#hits.set(point, (this.#hits.get(point) ?? 0) + more)
    }
  }

  get never(): readonly FaultPoint[] {
    return faultPoints.filter((point) => !this.#hits.has(point))
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries(faultPoints.map((point) => [point, this.#hits.get(point) ?? 0]))
  }
}
