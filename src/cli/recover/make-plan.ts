import { writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { shellWord } from '../doctor/shell-word.ts'
import { liveProblems } from './live-problems.ts'
import { type RecoveryJson, recoveryJson } from './recovery-json.ts'
import type { FoundSurvivor } from './survivors.ts'

export interface PlanWishes {
  readonly dead: readonly string[]
  readonly q1: number | undefined
  readonly q2: number | undefined
  readonly version: string
  /** For the audit trail; this user and host if undefined. */
  readonly actor: string | undefined
}

export interface MadePlan {
  /** Undefined when what was found leaves nothing to judge. */
  readonly about: RecoveryJson | undefined
  readonly problems: readonly string[]
  /** What to do about the problems. */
  readonly hint: string
  /** The file's text; undefined when there are problems. */
  readonly text: string | undefined
}

const nothingWritten = 'Nothing was written.'
/** A survivor needs an election timeout or two to miss a leader, or another member. */
const tryAgain = 'If the others died just now, try again in a few seconds.'

export async function makePlan(found: readonly FoundSurvivor[], wishes: PlanWishes): Promise<MadePlan> {
  const { planRecovery } = await import('../../protocol/recovery/recovery.ts')
  const { encodePlan } = await import('../../daemon/recovery/plan-file.ts')
  const { recoveryGap } = await import('../../machine/restored.ts')
  const { actorToSend } = await import('../../client/actor.ts')
  const { dead, q1, q2, version } = wishes
  const at = new Date()
  const by = { origin: { actor: actorToSend(wishes.actor), node: '', address: '' }, timeMs: at.getTime() }
  const survivors = found.map(({ survivor }) => survivor)
  const planned = planRecovery({ survivors, dead, q1, q2, raiseBy: recoveryGap, by })
  const { recovery } = planned
  const live = liveProblems(found, dead)
  const problems = [...planned.problems, ...live]
  const hint = live.length === 0 ? nothingWritten : `${nothingWritten} ${tryAgain}`
  if (recovery === undefined) return { about: undefined, problems, hint, text: undefined }
  const about = await recoveryJson(recovery, found, problems)
  if (problems.length > 0) return { about, problems, hint, text: undefined }
  const made = { at: at.toISOString(), by: version }
  return { about, problems, hint, text: encodePlan(recovery, survivors, made, about) }
}

/** Values are in it, so only its owner may read it. Throws PaxosError USAGE when the file is there already. */
export async function writePlan(path: string, text: string): Promise<void> {
  const { syncDirectory } = await import('../../daemon/store/durable-file.ts')
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o600, flush: true })
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    const why = isThere ? 'it is there already' : cause instanceof Error ? cause.message : String(cause)
    throw new PaxosError('USAGE', `Cannot write ${path}: ${why}`, {
      hint: isThere ? 'A plan may be in use: give another name, or remove it.' : 'Check the path.',
      cause,
    })
  }
  await syncDirectory(dirname(path))
}

/** What to type next, host by host. */
export function nextCommands({ survivors, dead }: RecoveryJson, path: string): readonly string[] {
  const file = shellWord(path)
  return [
    `never start ${dead.join(', ')} again: together they could go on as the old cluster`,
    ...survivors.map(({ member, source }) => {
      const isRunning = /^(https?:|unix:)/.test(source)
      const directory = isRunning ? `THE-DATA-DIR-OF-${member}` : shellWord(source)
      const stop = isRunning ? 'stop the node, then: ' : ''
      return `for ${member}: ${stop}paxos recover apply ${file} --data-dir ${directory}`
    }),
    'when it is applied to all of them, start them as always',
    `then: paxos recover verify ${file}`,
  ]
}
