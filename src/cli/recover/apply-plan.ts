import { readFileSync } from 'node:fs'
import { PaxosError } from '../../base/error.ts'
import type { PlanFile } from '../../daemon/recovery/plan-file.ts'

export interface AppliedJson {
  readonly member: string
  readonly directory: string
  /** `interrupted`: an earlier run had not finished. `applied`: nothing was left to do. */
  readonly found: 'ready' | 'interrupted' | 'applied'
}

export interface ApplyJson {
  readonly clusterId: string
  readonly recoveredClusterId: string
  readonly epoch: number
  readonly startSlot: number
  readonly dryRun: boolean
  readonly members: readonly AppliedJson[]
  /** Survivors of the plan whose directories were not given here. */
  readonly left: readonly string[]
}

/** Throws PaxosError USAGE when there is no such file, RECOVERY_REFUSED when it is no plan. */
export async function readPlanFile(path: string): Promise<PlanFile> {
  const { decodePlan } = await import('../../daemon/recovery/plan-file.ts')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new PaxosError('USAGE', `Cannot read ${path}: ${cause instanceof Error ? cause.message : cause}`, {
      hint: '`paxos recover plan --out FILE` writes a plan.',
      cause,
    })
  }
  return decodePlan(text, path)
}

/** Each directory on its own, in order. Throws PaxosError RECOVERY_REFUSED, DATA_DIR_REFUSED. */
export async function applyTo(
  plan: PlanFile,
  directories: readonly string[],
  isDryRun: boolean,
): Promise<readonly AppliedJson[]> {
  const { applyPlan } = await import('../../daemon/recovery/apply.ts')
  const done: AppliedJson[] = []
  for (const path of directories) {
    const { name: member, directory, found } = await applyPlan(plan, path, isDryRun)
    done.push({ member, directory, found })
  }
  return done
}

export function applyJson(plan: PlanFile, members: readonly AppliedJson[], dryRun: boolean): ApplyJson {
  const { clusterId, recoveredId: recoveredClusterId, next, survivors } = plan
  const left = survivors.map(({ name }) => name).filter((name) => !members.some(({ member }) => member === name))
  return { clusterId, recoveredClusterId, epoch: next.number, startSlot: next.startSlot, dryRun, members, left }
}
