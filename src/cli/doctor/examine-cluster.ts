import { clusterChecks } from './cluster-checks.ts'
import { answering, type ClusterFacts } from './cluster-facts.ts'
import { collectCluster, type FactSource } from './collect.ts'
import { differenceFindings } from './difference-checks.ts'
import { nodeFindings } from './node-checks.ts'
import type { Examined } from './report.ts'

const checks = [...clusterChecks, nodeFindings, differenceFindings]

/** Asks every member and judges. Throws PaxosError CANNOT_CONNECT when nobody answers. */
export async function examineCluster(source: FactSource, endpoints: readonly string[]): Promise<Examined> {
  return judge(await collectCluster(source, endpoints))
}

export function judge(facts: ClusterFacts): Examined {
  return {
    clusterId: facts.clusterId,
    examined: answering(facts).map((member) => member.name),
    findings: checks.flatMap((check) => check(facts)),
  }
}
