/** What `upgrade run` and `node restart` share: the flags, and going through the nodes under the maintenance lock. */
import { randomUUID } from 'node:crypto'
import { hostname, userInfo } from 'node:os'
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../../base/error.ts'
import type { AdminClient } from '../../client/admin.ts'
import { tryNote } from '../audit/write-note.ts'
import { ClusterCommand, type ConnectionFlags } from '../cluster-command.ts'
import { confirm } from '../confirm.ts'
import { duration } from '../flags.ts'
import { runSteps } from '../steps.ts'
import { anyStatus, type ClusterLook, look, reasonsNotToBegin, requireMargin } from './gates.ts'
import { findMaintenance, inWords, Maintenance, type MaintenanceRecord, nextSteps } from './maintenance.ts'
import type { DevNodes, Restarter } from './restarter.ts'

export const rollingFlags = {
  'restart-command': Flags.string({
    summary: 'Restarts one node: a command for sh, with {name}, {host}, {client} and {peer} of the node.',
    helpValue: '<command>',
    exclusive: ['dev'],
  }),
  dev: Flags.string({ summary: 'The nodes are those of the `paxos dev` with this --data-dir.', helpValue: '<dir>' }),
  within: duration({
    summary: 'Longest wait for one node to be well, to restart, or to catch up.',
    default: 300_000,
    defaultHelp: async () => '5m',
  }),
  resume: Flags.boolean({
    summary: 'Go on with one that is paused, or whose command has died.',
    exclusive: ['abandon'],
  }),
  abandon: Flags.boolean({
    summary: 'Give up one that is paused, or whose command has died. What is done stays done.',
  }),
  'dry-run': Flags.boolean({
    summary: 'Show which nodes in which order, and whether it could begin now.',
    exclusive: ['resume', 'abandon'],
  }),
  yes: Flags.boolean({ char: 'y', summary: 'Do not ask.' }),
}

export interface RollingFlags extends ConnectionFlags {
  readonly 'restart-command'?: string | undefined
  readonly dev?: string | undefined
  readonly within: number
  readonly resume: boolean
  readonly abandon: boolean
  readonly 'dry-run': boolean
  readonly yes: boolean
}

export interface RollingWish {
  readonly kind: MaintenanceRecord['kind']
  /** That the nodes have afterwards; null: whichever they have, or that of what is resumed. */
  readonly version: string | null
  /** Those to take, in order, given what there is. */
  choose(seen: ClusterLook): readonly string[]
}

export interface RollingResult {
  readonly kind: MaintenanceRecord['kind']
  readonly version: string | null
  readonly nodes: readonly string[]
  readonly done: readonly string[]
  /** Why it could not begin now; for a dry run. */
  readonly problems: readonly string[]
}

export abstract class RollingCommand extends ClusterCommand {
  // oclif stops looking for inherited settings at a class that has none of its own.
  static override enableJsonFlag = true

  protected async roll(flags: RollingFlags, wish: RollingWish): Promise<RollingResult> {
    const { admin, endpoints } = await this.admin(flags)
    if (flags.abandon) return await this.#abandon(flags, admin, endpoints, wish)
    const seen = await look(admin, endpoints)
    const known = [...new Set([...endpoints, ...seen.answers.flatMap(({ endpoint }) => endpoint ?? [])])]
    const clusterId = anyStatus(seen)?.clusterId ?? ''
    if (flags.resume) return await this.#resume(flags, admin, known, wish, clusterId)
    const nodes = wish.choose(seen)
    const result = { kind: wish.kind, version: wish.version, nodes, done: [], problems: [] }
    if (nodes.length === 0) {
      this.remark(wish.version === null ? 'no node to restart' : `every node runs ${wish.version} already`)
      return result
    }
    this.log(`${wish.kind === 'upgrade' ? `upgrade to ${wish.version}` : 'restart'}: ${nodes.join(', then ')}`)
    const restarter = restarterOf(flags, admin, { clusterId, names: nodes })
    if (flags['dry-run']) {
      const cannot = await problemsOf(restarter)
      const problems = [...reasonsNotToBegin(seen, nodes), ...cannot, ...(await this.#othersAtIt(flags, known))]
      for (const problem of problems) this.log(`not now: ${problem}`)
      if (problems.length > 0) this.endWith(6)
      return { ...result, problems }
    }
    const restart = await restarter
    requireMargin(seen, nodes)
    if (!flags.yes) await confirm('Restart these nodes, one after the other?')
    const maintenance = await Maintenance.begin(await this.#lockClient(flags, known), {
      ...{
        format: 1,
        run: newRun(),
        kind: wish.kind,
        version: wish.version,
        by: whoAmI(),
        startedAt: new Date().toISOString(),
      },
      ...{ state: 'running', reason: null, nodes, done: [], current: null },
    })
    await this.#note(admin, known, 'maintenance-begin', maintenance.record)
    return await this.#run(flags, admin, known, maintenance, restart)
  }

  async #resume(
    flags: RollingFlags,
    admin: AdminClient,
    endpoints: readonly string[],
    wish: RollingWish,
    clusterId: string,
  ): Promise<RollingResult> {
    const client = await this.#lockClient(flags, endpoints)
    const found = await findMaintenance(client)
    if (found === undefined || found.record.kind !== wish.kind) throw nothingToResume(found?.record)
    if (wish.version !== null && found.record.version !== wish.version) {
      throw new PaxosError('PRECONDITION_FAILED', `${inWords(found.record)}, and this is for ${wish.version}`, {
        hint: `Add --to ${found.record.version} to go on with it, or --abandon to give it up.`,
      })
    }
    const { nodes, done } = found.record
    const names = nodes.filter((name) => !done.includes(name))
    const restart = await restarterOf(flags, admin, { clusterId, names })
    this.remark(inWords(found.record))
    if (found.record.state === 'running') this.remark('looking whether its command still runs')
    const maintenance = await Maintenance.resume(client, found, { by: whoAmI(), run: newRun() })
    await this.#note(admin, endpoints, 'maintenance-begin', maintenance.record, 'gone on with')
    return await this.#run(flags, admin, endpoints, maintenance, restart)
  }

  /** For a dry run. Without a quorum it cannot be known, and nothing could begin. */
  async #othersAtIt(flags: RollingFlags, endpoints: readonly string[]): Promise<readonly string[]> {
    try {
      const found = await findMaintenance(await this.client({ ...flags, endpoints: endpoints.join(',') }))
      return found === undefined ? [] : [inWords(found.record)]
    } catch (error) {
      if (error instanceof PaxosError) return [`whether other maintenance is under way is not known: ${error.message}`]
      throw error
    }
  }

  async #abandon(
    flags: RollingFlags,
    admin: AdminClient,
    endpoints: readonly string[],
    wish: RollingWish,
  ): Promise<RollingResult> {
    const client = await this.#lockClient(flags, endpoints)
    const found = await findMaintenance(client)
    if (found === undefined || found.record.kind !== wish.kind) throw nothingToResume(found?.record)
    this.remark(inWords(found.record))
    await Maintenance.abandon(client, found)
    await this.#note(admin, endpoints, 'maintenance-end', found.record, 'given up')
    this.remark('given up')
    const { kind, version, nodes, done } = found.record
    return { kind, version, nodes, done, problems: [] }
  }

  async #run(
    flags: RollingFlags,
    admin: AdminClient,
    endpoints: readonly string[],
    maintenance: Maintenance,
    restart: Restarter,
  ): Promise<RollingResult> {
    const { RollingRun } = await import('./rolling-run.ts')
    const stop = stopSignal(() => this.remark('pausing after this step; Ctrl-C again ends at once'))
    this.onEnd(() => maintenance.close())
    try {
      const options = { admin, endpoints, maintenance, restart, timeoutMs: flags.within, signal: stop.signal }
      await runSteps(new RollingRun(options).steps(), { silent: this.jsonEnabled() })
    } catch (error) {
      const problem = await paused(maintenance, error)
      await this.#note(admin, endpoints, 'maintenance-end', maintenance.record, 'paused')
      throw problem
    } finally {
      stop.release()
    }
    const { kind, version, nodes, done } = maintenance.record
    await maintenance.finish()
    await this.#note(admin, endpoints, 'maintenance-end', maintenance.record, 'done')
    this.remark(`done: ${done.join(', ')}`)
    return { kind, version, nodes, done, problems: [] }
  }

  /** Nodes are restarted whether it can be recorded or not. */
  async #note(
    admin: AdminClient,
    endpoints: readonly string[],
    action: 'maintenance-begin' | 'maintenance-end',
    { kind, version, nodes, done }: MaintenanceRecord,
    state?: string,
  ): Promise<void> {
    const what = version === null ? kind : `${kind} to ${version}`
    const which = state === undefined ? nodes.join(', ') : `${state}, ${done.length} of ${nodes.length} nodes done`
    const problem = await tryNote(admin, endpoints, action, `${what}: ${which}`)
    if (problem !== undefined) this.remark(`not in the audit trail: ${problem}`)
  }

  async #lockClient(flags: RollingFlags, endpoints: readonly string[]): ReturnType<ClusterCommand['client']> {
    return await this.client({ ...flags, endpoints: endpoints.join(',') }, { session: true })
  }
}

/** Rejects with PaxosError USAGE when it was not said how, with others when that way cannot work. */
async function restarterOf(flags: RollingFlags, admin: AdminClient, nodes: DevNodes): Promise<Restarter> {
  const { commandRestarter, devRestarter } = await import('./restarter.ts')
  if (flags['restart-command'] !== undefined) return commandRestarter(flags['restart-command'])
  if (flags.dev !== undefined) return await devRestarter(admin, flags.dev, nodes)
  throw new PaxosError('USAGE', 'It was not said how a node is restarted', {
    hint: "Add --restart-command, such as 'systemctl --host {host} restart paxos', or --dev for the nodes of a `paxos dev`.",
  })
}

/** A wrong usage is one in a dry run too. */
async function problemsOf(restarter: Promise<Restarter>): Promise<readonly string[]> {
  try {
    await restarter
    return []
  } catch (error) {
    if (error instanceof PaxosError && error.code !== 'USAGE') return [error.message]
    throw error
  }
}

/** The first signal pauses it; a second one ends the command at once, and the record says what was under way. */
function stopSignal(onFirst: () => void): { readonly signal: AbortSignal; release(): void } {
  const stop = new AbortController()
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130)
    onFirst()
    stop.abort()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  return {
    signal: stop.signal,
    release: () => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal),
  }
}

async function paused(maintenance: Maintenance, error: unknown): Promise<unknown> {
  if (!(error instanceof PaxosError)) return error
  const isPaused = await maintenance.pause(error.message.split('\n')[0] ?? '').then(
    () => true,
    () => false,
  )
  const { record } = maintenance
  // Nobody was taken down: whom it waited for is not ours to start.
  const before = error.code === 'TIMEOUT' && record.current === null ? 'When that is mended: ' : ''
  const how = isPaused ? `It is paused. ${before}` : 'The cluster could not be told. When it can: '
  const hint = `${how}${nextSteps(record)}.`
  return new PaxosError(error.code, error.message, {
    hint: error.hint === undefined ? hint : `${error.hint} ${hint}`,
    cause: error,
  })
}

function nothingToResume(other: MaintenanceRecord | undefined): PaxosError {
  const message = other === undefined ? 'No maintenance is under way' : inWords(other)
  const hint = other === undefined ? undefined : 'That is another kind of maintenance: use its own command.'
  return new PaxosError('NOT_FOUND', message, { hint })
}

function newRun(): string {
  return randomUUID()
}

function whoAmI(): string {
  return `${userInfo().username}@${hostname()}`
}
