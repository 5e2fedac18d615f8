import type { PlanFile } from '../../daemon/recovery/plan-file.ts'

/** What whoever confirms a plan must have read. */
export function planLoss({ raisedBy, mayGoOnFrom, from, dead }: PlanFile): readonly string[] {
  const names = dead.map(({ name }) => name).join(', ')
  const fence = `${names}: their promises and votes count no more. They must never be started again.`
  if (raisedBy === 0) return ['Nothing that was acknowledged is lost.', fence]
  const beyond = mayGoOnFrom === undefined ? '' : `, and of everything from slot ${mayGoOnFrom} on`
  return [`What ${names} alone have chosen from slot ${from} on is lost${beyond}: nobody can say what it was.`, fence]
}
