/** What becomes of data directories: files are lost, all is lost, and an older copy is put in its place. */
import { cp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/base/random.ts'
import type { NodeProcess } from '../cluster/node-process.ts'
import { until } from '../cluster/until.ts'
import type { FaultLog } from './fault-log.ts'
import type { NodeKeeper } from './node-keeper.ts'
import { incarnationOf, linesOf } from './node-log.ts'

/** What a node says when it refuses its data directory. */
const refusedCode = 6
const startMsMax = 30_000
/** A node that must not be let in is watched for so long at least. */
const watchMsMin = 2000
/** Longer than any fault of the network, which may keep it from even hearing that it is refused. */
const refusalMsMax = 20_000
const pollMs = 100

export class DirectoryFaults {
  readonly #keeper: NodeKeeper
  readonly #random: Random
  readonly #log: FaultLog
  /** Nodes of which an older copy lies beside their data. */
  readonly #copied = new Set<NodeProcess>()

  constructor(keeper: NodeKeeper, random: Random, log: FaultLog) {
    this.#keeper = keeper
    this.#random = random
    this.#log = log
  }

  /** The state file is a copy of what was agreed: a node without it fetches it again. */
  async loseState(): Promise<void> {
    const node = await this.#drawDown()
    this.#log.note('lose-state', node.name)
    for (const file of ['state.mdb', 'state.mdb-lock']) await rm(join(node.dataDir, file), { force: true })
    this.#keeper.start(node)
  }

  /** A node that forgot its promises, or the last of them, must not vote again: it refuses to start until its file is back. */
  async loseAcceptor(): Promise<void> {
    const node = await this.#drawDown()
    const name = this.#random.chance(0.5) ? 'acceptor.mdb' : 'acceptor.journal'
    this.#log.note('lose-acceptor', node.name, { name })
    const file = join(node.dataDir, name)
    await rename(file, `${file}.aside`)
    this.#keeper.startDoomed(node)
    const exit = await this.#keeper.end(node, startMsMax)
    if (exit?.code !== refusedCode) {
      this.#log.problem(`${node.name} without its ${name} did not refuse to start: ${JSON.stringify(exit)}`)
    }
    await node.end()
    await rename(`${file}.aside`, file)
    this.#keeper.start(node)
  }

  /** On an empty directory it looks like a new node, and the others must not take it for the old one. */
  async wipe(): Promise<void> {
    const node = await this.#drawDown()
    await this.#outside('wipe', node, /OTHER_DISK|STALE_INCARNATION|DUPLICATE_NODE/, async () => {})
  }

  /**
   * An older copy has the right disk and has forgotten promises. Members that have seen a later incarnation of the node refuse
   * it, however often it is started. So first all of them see one.
   */
  async restore(): Promise<void> {
    const node = await this.#drawDown()
    if (!this.#copied.has(node)) {
      await copyDirectory(node.dataDir, olderCopy(node))
      this.#copied.add(node)
    }
    // After one incarnation the copy would be of that very one, after two of an earlier one: other members tell by other signs.
    for (let left = this.#random.integer(1, 3); left > 0; left--) {
      if (await this.#live(node)) continue
      this.#log.note('restore-skipped', node.name)
      this.#keeper.start(node)
      return
    }
    await this.#outside('restore', node, /STALE_INCARNATION|DUPLICATE_NODE|OLDER_COPY/, () =>
      copyDirectory(olderCopy(node), node.dataDir),
    )
    // The copy is as old as it was, and later the node has had more incarnations: another time it is kept.
    if (!this.#random.chance(0.5)) return
    this.#copied.delete(node)
    await rm(olderCopy(node), { recursive: true, force: true })
  }

  /** One incarnation of the node. False when it was not met by every other member in it. */
  async #live(node: NodeProcess): Promise<boolean> {
    this.#keeper.start(node)
    const others = this.#keeper.nodes.filter((other) => other !== node)
    const isMet = await until(`all have met ${node.name}`, startMsMax, () => {
      const number = incarnationOf(node)
      return number !== undefined && others.every((other) => hasMet(other, node, number))
    }).catch(() => false)
    await this.#keeper.kill(node)
    return isMet
  }

  /** The node runs on a directory that is none of its own any more, is refused, and gets back what it had. */
  async #outside(fault: string, node: NodeProcess, code: RegExp, prepare: () => Promise<void>): Promise<void> {
    const aside = `${node.dataDir}.aside`
    await rename(node.dataDir, aside)
    await prepare()
    const watchMs = watchMsMin + this.#random.next() * watchMsMin
    this.#log.note(fault, node.name, { ms: Math.round(watchMs) })
    this.#keeper.startDoomed(node)
    const begunAt = performance.now()
    let isRefused = false
    while (!isRefused || performance.now() - begunAt < watchMs) {
      isRefused ||= linesOf(node).some(({ reason }) => typeof reason === 'string' && isRefusal(reason, code))
      const problem = await this.#problemOutside(node, performance.now() - begunAt)
      if (problem !== undefined) {
        this.#log.problem(`${node.name} with another directory (${fault}): ${problem}`)
        break
      }
      await pause(pollMs)
    }
    await node.end()
    await rm(node.dataDir, { recursive: true, force: true })
    await rename(aside, node.dataDir)
    this.#keeper.start(node)
  }

  async #problemOutside(node: NodeProcess, passedMs: number): Promise<string | undefined> {
    if (!node.running) return 'it ended'
    if (passedMs > refusalMsMax) return 'nobody has refused it'
    const answer = await node.readiness().catch(() => undefined)
    return answer?.ready === true ? 'it was let in' : undefined
  }

  async #drawDown(): Promise<NodeProcess> {
    const node = this.#keeper.draw()
    await this.#keeper.kill(node)
    return node
  }
}

/** A copy of a stopped node's directory; sockets are no data. */
export async function copyDirectory(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, filter: (path) => !path.endsWith('.sock') })
}

function olderCopy(node: NodeProcess): string {
  return `${node.dataDir}.older`
}

function isRefusal(reason: string, code: RegExp): boolean {
  return reason.includes('refused this node') && code.test(reason)
}

function hasMet(other: NodeProcess, node: NodeProcess, number: number): boolean {
  return linesOf(other).some(
    ({ peer, incarnation, code }) => peer === node.name && incarnation === number && code === undefined,
  )
}
