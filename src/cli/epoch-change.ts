/** What all commands share that change members or quorum sizes: ask the leader, show the plan, confirm, make it. */
import * as Flags from '@oclif/core/flags'
import { PaxosError } from '../base/error.ts'
import type { AdminClient } from '../client/admin.ts'
import type { EpochChangeJson, EpochJson, MarginsJson, NextEpochJson, WantedEpochJson } from '../wire/api-types.ts'
import { ClusterCommand, type ConnectionFlags } from './cluster-command.ts'
import { confirm } from './confirm.ts'
import { findLeader } from './leader.ts'
import { fields } from './output.ts'
import { bridgingSizes } from './quorum/bridging-sizes.ts'

export const changeFlags = {
  'dry-run': Flags.boolean({ summary: 'Show what would change and whether it would be refused, and change nothing.' }),
  yes: Flags.boolean({ char: 'y', summary: 'Do not ask.' }),
}

export interface ChangeFlags extends ConnectionFlags {
  readonly 'dry-run': boolean
  readonly yes: boolean
}

/** What is wanted, given what there is and what there was; a text says that it is so already. */
export type Draft = (current: EpochJson, earlier: readonly EpochJson[]) => WantedEpochJson | string

export abstract class EpochCommand extends ClusterCommand {
  // oclif stops looking for inherited settings at a class that has none of its own.
  static override enableJsonFlag = true

  /** Undefined when there was nothing to do. */
  protected async change(flags: ChangeFlags, draft: Draft, question: string): Promise<EpochChangeJson | undefined> {
    const { admin, endpoints } = await this.admin(flags)
    const { endpoint } = await findLeader(admin, endpoints)
    const { epochs } = await admin.epochs(endpoint, true)
    const newest = newestOf(epochs, endpoint)
    const wanted = draft(newest, epochs.slice(0, -1))
    if (typeof wanted === 'string') {
      this.remark(wanted)
      return undefined
    }
    const plan = await admin.changeEpoch(endpoint, { ...wanted, dryRun: true })
    // As it is when a command is run again whose answer got lost.
    if (isAsWanted(newest, plan.next)) {
      this.remark(`epoch ${newest.epoch} is as wanted already: nothing to do`)
      return undefined
    }
    const areSizesGiven = wanted.q1 !== undefined || wanted.q2 !== undefined
    const first = areSizesGiven ? undefined : bridgingSizes(plan)
    const step = first && `\`paxos epoch change --q1 ${first.q1} --q2 ${first.q2}\`, then this again`
    if (!this.jsonEnabled()) process.stdout.write(`${renderPlan(plan, step)}\n`)
    if (flags['dry-run']) {
      if (plan.problems.length > 0) this.endWith(6)
      return plan
    }
    if (plan.problems.length > 0) {
      throw new PaxosError('PRECONDITION_FAILED', plan.problems.join(' '), {
        hint: step === undefined ? 'Nothing was changed.' : `Nothing was changed. First ${step}.`,
      })
    }
    if (!flags.yes) await confirm(question)
    const done = await admin.changeEpoch(endpoint, wanted)
    this.remark(`epoch ${done.next.epoch} has begun in slot ${done.next.startSlot}`)
    return done
  }
}

function isAsWanted(now: EpochJson, next: NextEpochJson): boolean {
  const kinds = new Map(now.members.map(({ name, kind }) => [name, kind]))
  const areSizesSame = now.q1 === next.q1 && now.q2 === next.q2 && now.featureLevel === next.featureLevel
  return (
    areSizesSame &&
    kinds.size === next.members.length &&
    next.members.every(({ name, kind }) => kinds.get(name) === kind)
  )
}

export async function newestEpoch(admin: AdminClient, endpoint: string): Promise<EpochJson> {
  return newestOf((await admin.epochs(endpoint)).epochs, endpoint)
}

function newestOf(epochs: readonly EpochJson[], endpoint: string): EpochJson {
  const newest = epochs.at(-1)
  if (newest === undefined) throw new PaxosError('INTERNAL', `${endpoint} knows no epoch`)
  return newest
}

/** The members of an epoch as they are, to draft the next from. */
export function membersOf({ members }: EpochJson): NonNullable<WantedEpochJson['members']>[number][] {
  return members.map(({ name, kind }) => ({ name, kind }))
}

/** `step` is what to do first when it is refused. */
export function renderPlan(plan: EpochChangeJson, step: string | undefined): string {
  const { before, after, problems, warnings, next } = plan

  const change = (of: (margins: MarginsJson) => number | string): string =>
    of(before) === of(after) ? String(of(after)) : `${of(before)} → ${of(after)}`
  const rows: [string, string][] = [
    ['epoch', `${next.epoch - 1} → ${next.epoch}`],
    ['members', next.members.map(({ name, kind }) => (kind === 'learner' ? `${name} (learner)` : name)).join(', ')],
    ['feature level', String(next.featureLevel)],
    ['acceptors', change(({ acceptors }) => acceptors)],
    ['of which answer', change(({ reachable }) => reachable)],
    ['q1, to elect', change(({ q1 }) => q1)],
    ['q2, to choose', change(({ q2 }) => q2)],
    ['may fail while electing', change(({ toElect }) => toElect)],
    ['may fail while writing', change(({ toCommit }) => toCommit)],
    ...warnings.map((warning): [string, string] => ['note', warning]),
    ...problems.map((problem): [string, string] => ['refused', problem]),
  ]
  if (problems.length === 0) rows.push(['verdict', 'may be done'])
  else if (step !== undefined) rows.push(['first', step])
  return fields(rows)
}
