import { PaxosError } from '../../base/error.ts'
import { auditLevel } from '../../protocol/feature-level.ts'

/** What a cluster at this level, running or stopped, says to who asks for its audit trail. */
export function noTrail(level: number): PaxosError {
  const message = `The cluster keeps no audit trail: it is at feature level ${level}, and has one from level ${auditLevel} on`
  return new PaxosError('PRECONDITION_FAILED', message, {
    hint: '`paxos upgrade finalize` raises the level, once every member runs a version that knows it.',
  })
}
