/**
 * Takes nodes down one at a time: each only when everybody is well and the others suffice, the leader only after another leads,
 * and the next only when the one before is back and has caught up. Every step can be repeated, so that another command can go on
 * wherever this one ended: a restart that was begun is begun again only when its node stays down, or came back with the wrong
 * version.
 */
import { PaxosError } from '../../base/error.ts'
import type { AdminClient } from '../../client/admin.ts'
import type { StatusJson } from '../../wire/api-types.ts'
import { handOver, successor } from '../hand-over.ts'
import type { Step } from '../steps.ts'
import { type ClusterLook, look, reasonsNotBack, reasonsToWait, stopped, type WaitOptions, waitFor } from './gates.ts'
import type { Maintenance } from './maintenance.ts'
import type { Restarter } from './restarter.ts'

/** So long may a node that was told to restart be down before that is done once more. */
const downMs = 10_000

export interface RollingRunOptions {
  readonly admin: AdminClient
  /** More of them survive the restart of any node. */
  readonly endpoints: readonly string[]
  readonly maintenance: Maintenance
  readonly restart: Restarter
  /** For each wait. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Instead of ten seconds. */
  readonly downMs?: number
}

export class RollingRun {
  readonly #options: RollingRunOptions
  #endpoints: readonly string[]

  constructor(options: RollingRunOptions) {
    this.#options = options
    this.#endpoints = options.endpoints
  }

  /** One for each node that is not done. */
  steps(): readonly Step[] {
    const { nodes, done } = this.#options.maintenance.record
    return nodes
      .filter((name) => !done.includes(name))
      .map((name) => ({ title: name, run: async (say) => await this.#take(name, say) }))
  }

  async #take(name: string, say: (text: string) => void): Promise<void> {
    const { maintenance, timeoutMs, signal } = this.#options
    const wait: WaitOptions = { timeoutMs, signal, say }
    const incarnation = (await this.#takenBefore(name, wait)) ?? (await this.#takeDown(name, wait))
    const isBack = (found: ClusterLook): readonly string[] => reasonsNotBack(found, name, incarnation)
    const seen = await waitFor(() => this.#look(), isBack, wait)
    checkVersion(statusOf(seen, name), maintenance.record.version)
    await maintenance.update({ current: null, done: [...maintenance.record.done, name] })
  }

  /**
   * How often the node had been started before an earlier command took it down. Undefined when none did: that command may have
   * died between writing down what it was about to do and doing it, or its restart failed, or brought the wrong version. Then
   * all begins anew, with all gates.
   */
  async #takenBefore(name: string, wait: WaitOptions): Promise<number | undefined> {
    const { current, version } = this.#options.maintenance.record
    if (current?.name !== name) return undefined
    const status = await this.#answerOf(name, wait)
    if (status === undefined) {
      await this.#startAgain(name, wait)
      return current.incarnation
    }
    const isTaken = status.node.incarnation > current.incarnation
    // Back with the version from before, it is to be taken again.
    const isWanted = version === null || status.node.version === version
    return isTaken && isWanted ? current.incarnation : undefined
  }

  /** Undefined when it gives none for a while. A node that was told to stop may be on its way. */
  async #answerOf(name: string, wait: WaitOptions): Promise<StatusJson | undefined> {
    const timeoutMs = Math.min(this.#options.downMs ?? downMs, wait.timeoutMs)
    const silence = (found: ClusterLook): readonly string[] =>
      answerIn(found, name) === undefined ? [`${name} does not answer`] : []
    try {
      return answerIn(await waitFor(() => this.#look(), silence, { ...wait, timeoutMs }), name)
    } catch (error) {
      if (error instanceof PaxosError && error.code === 'TIMEOUT') return undefined
      throw error
    }
  }

  /**
   * Its restart stopped it, and did not start it, or the answer to it was lost. It is down, so that to do it again takes down
   * nobody. One that the leader hears is not down: only we do not reach it.
   */
  async #startAgain(name: string, { say, timeoutMs }: WaitOptions): Promise<void> {
    const member = (await this.#look()).leader?.members.find((each) => each.name === name)
    if (member === undefined || member.reachable) return
    say('restarting once more')
    await this.#options.restart(member, timeoutMs)
  }

  /**
   * Gives how often the node had been started before. Moving the leadership, and writing down what is about to be done, take as
   * long as an election may: what was well before is looked at once more, right before the node is told.
   */
  async #takeDown(name: string, wait: WaitOptions): Promise<number> {
    const { maintenance, restart } = this.#options
    for (;;) {
      const seen = await waitFor(
        () => this.#look(),
        (found) => reasonsToWait(found, name),
        wait,
      )
      if (seen.leader?.node.name === name) {
        await this.#moveLeader(seen.leader, name, wait)
        continue
      }
      const { incarnation } = statusOf(seen, name).node
      await maintenance.update({ current: { name, incarnation } })
      const node = await this.#stillTakeable(name, incarnation)
      if (node === undefined) continue
      wait.say('restarting')
      await restart(node, wait.timeoutMs)
      return incarnation
    }
  }

  /** Undefined when something is not well any more, the node leads, or it has been started meanwhile. */
  async #stillTakeable(name: string, incarnation: number): Promise<StatusJson['node'] | undefined> {
    const seen = await this.#look().catch((error: unknown) => {
      // That nobody answers is waited for like everything else that is not well.
      if (error instanceof PaxosError) return undefined
      throw error
    })
    if (seen === undefined || seen.leader?.node.name === name || reasonsToWait(seen, name).length > 0) return undefined
    const { node } = statusOf(seen, name)
    return node.incarnation === incarnation ? node : undefined
  }

  async #moveLeader(leader: StatusJson, name: string, { say, timeoutMs, signal }: WaitOptions): Promise<void> {
    const { admin, maintenance } = this.#options
    const endpoint = `http://${leader.node.clientAddress}`
    const { done } = maintenance.record
    const upgraded = leader.members.filter((member) => done.includes(member.name))
    // Back on the version that will stay, it need not move again.
    const to = successor(upgraded.some(({ kind }) => kind === 'acceptor') ? { ...leader, members: upgraded } : leader)
    say(`moving leadership to ${to}`)
    const now = await handOver(admin, { endpoint, status: leader }, to, {
      ...{ endpoints: this.#endpoints, timeoutMs, signal },
    })
    if (signal.aborted) throw stopped()
    if (now === undefined || now === name) {
      throw new PaxosError('TIMEOUT', `${name} was told to give up leadership, and nobody else leads yet`)
    }
  }

  async #look(): Promise<ClusterLook> {
    const seen = await look(this.#options.admin, this.#endpoints)
    const known = seen.answers.flatMap(({ endpoint }) => endpoint ?? [])
    this.#endpoints = [...new Set([...this.#endpoints, ...known])]
    return seen
  }
}

function answerIn({ answers }: ClusterLook, name: string): StatusJson | undefined {
  return answers.find((answer) => answer.name === name)?.status
}

function statusOf(seen: ClusterLook, name: string): StatusJson {
  const status = answerIn(seen, name)
  if (status !== undefined) return status
  throw new PaxosError('PRECONDITION_FAILED', `${name} does not answer, or is no member any more`)
}

function checkVersion({ node: { name, version } }: StatusJson, wanted: string | null): void {
  if (wanted === null || version === wanted) return
  throw new PaxosError('PRECONDITION_FAILED', `${name} came back with version ${version}, not ${wanted}`, {
    hint: 'Is the new version installed where the node is started from?',
  })
}
