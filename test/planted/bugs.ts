import type { Bug } from './bug.ts'
import { acceptorBugs } from './bugs/acceptor.ts'
import { auditBugs } from './bugs/audit.ts'
import { epochBugs } from './bugs/epochs.ts'
import { leaderBugs } from './bugs/leader.ts'
import { readBugs } from './bugs/reads.ts'
import { recoveryBugs } from './bugs/recovery.ts'
import { runtimeBugs } from './bugs/runtime.ts'
import { stateBugs } from './bugs/state.ts'

export const bugs: readonly Bug[] = [
  ...acceptorBugs,
  ...leaderBugs,
  ...epochBugs,
  ...readBugs,
  ...runtimeBugs,
  ...stateBugs,
  ...recoveryBugs,
  ...auditBugs,
]

export function findBug(name: string): Bug {
  const bug = bugs.find((each) => each.name === name)
  if (bug === undefined) throw new Error(`There is no planted bug "${name}"`)
  return bug
}
