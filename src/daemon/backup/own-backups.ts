import { compareStrings } from '../../base/order.ts'

/** A backup that a node has made by itself, as its name tells. */
export interface OwnBackup {
  readonly name: string
  readonly madeAt: number
  /** It continues the one before it. */
  readonly isIncrement: boolean
}

const stamped = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z(\.increment)?\.paxos$/

/** Names of the backups of one node and cluster: `n1-0123abcd-20261125T224700123Z.paxos`. They sort by time. */
export class OwnBackups {
  readonly #prefix: string

  constructor(node: string, clusterId: string) {
    this.#prefix = `${node}-${clusterId.slice(0, 8)}-`
  }

  nameOf(madeAt: number, isIncrement: boolean): string {
    const stamp = new Date(madeAt).toISOString().replaceAll(/[-:.]/g, '')
    return `${this.#prefix}${stamp}${isIncrement ? '.increment' : ''}.paxos`
  }

  /** Undefined for a file of somebody else. */
  parse(name: string): OwnBackup | undefined {
    const rest = name.startsWith(this.#prefix) ? name.slice(this.#prefix.length) : ''
    const match = stamped.exec(rest)
    if (match === null) return undefined
    const madeAt = Date.parse(rest.replace(stamped, '$1-$2-$3T$4:$5:$6.$7Z'))
    return { name, madeAt, isIncrement: match[8] !== undefined }
  }

  /** Oldest first. */
  among(names: readonly string[]): readonly OwnBackup[] {
    const found = names.map((name) => this.parse(name)).filter((backup) => backup !== undefined)
    return found.sort((a, b) => compareStrings(a.name, b.name))
  }
}

/** Those that may go when `keep` are wanted: never what one that stays goes on from. */
export function superfluous(backups: readonly OwnBackup[], keep: number): readonly OwnBackup[] {
  const cut = Math.max(0, backups.length - keep)
  const full = backups.slice(0, cut + 1).findLastIndex(({ isIncrement }) => !isIncrement)
  // Increments without a full backup before them are of no use: somebody has removed it.
  return backups.slice(0, full < 0 ? cut : full)
}

/** How many increments there are after the last full backup; undefined when there is none. */
export function incrementsSinceFull(backups: readonly OwnBackup[]): number | undefined {
  const full = backups.findLastIndex(({ isIncrement }) => !isIncrement)
  return full < 0 ? undefined : backups.length - 1 - full
}
