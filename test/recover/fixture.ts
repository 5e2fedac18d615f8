import assert from 'node:assert/strict'
import { join } from 'node:path'
import { json, paxos, type Ran } from '../cli/paxos.ts'
import { type Cluster, patienceMs } from '../cluster/cluster.ts'
import type { NodeProcess } from '../cluster/node-process.ts'
import { until } from '../cluster/until.ts'

/** What a lost write could hide behind: a key for each, so that every one can be looked for. */
export async function putMany(node: NodeProcess, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at++) {
    const answer = await fetch(`${node.url}/v1/kv/k${at}`, {
      method: 'PUT',
      body: `v${at}`,
      signal: AbortSignal.timeout(patienceMs),
    })
    assert.equal(answer.status, 200, await answer.text())
  }
}

export async function assertKept(node: NodeProcess, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at++) {
    const answer = await fetch(`${node.url}/v1/kv/k${at}`, { signal: AbortSignal.timeout(patienceMs) })
    assert.equal(`${answer.status} ${await answer.text()}`, `200 v${at}`)
  }
}

export interface Recovering {
  readonly survivors: readonly NodeProcess[]
  readonly dead: readonly string[]
}

export function dirs(nodes: readonly NodeProcess[]): string[] {
  return nodes.flatMap((node) => ['--data-dir', node.dataDir])
}

export function planFile(cluster: Cluster, name = 'plan.json'): string {
  return join(cluster.directory, name)
}

export async function ok(args: readonly string[]): Promise<Record<string, unknown>> {
  const ran = await paxos([...args, '--json'])
  assert.equal(ran.exit, 0, `${args.join(' ')}: ${ran.stdout}${ran.stderr}`)
  return json(ran)
}

export async function refused(exit: number, pattern: RegExp, args: readonly string[]): Promise<Ran> {
  const ran = await paxos(args)
  assert.equal(ran.exit, exit, `${args.join(' ')}: ${ran.stdout}${ran.stderr}`)
  assert.match(ran.stdout + ran.stderr, pattern)
  return ran
}

/** Plan, apply, start, verify: all of it, as an operator does. Gives what the plan said. */
export async function recover(
  cluster: Cluster,
  { survivors, dead }: Recovering,
  ...more: readonly string[]
): Promise<Record<string, unknown>> {
  const file = planFile(cluster)
  const plan = await ok(['recover', 'plan', '--dead', dead.join(','), ...dirs(survivors), '--out', file, ...more])
  await ok(['recover', 'apply', file, ...dirs(survivors), '--yes'])
  await cluster.startAll(survivors)
  const endpoints = cluster.endpoints.join(',')
  const checked = await ok(['recover', 'verify', file, '--endpoints', endpoints, '--wait', '30s'])
  assert.equal(checked['recovered'], true)
  return plan
}

export async function reasonOf(node: NodeProcess, pattern: RegExp): Promise<void> {
  await until(`${node.name} says ${pattern}`, patienceMs, async () => {
    return pattern.test((await node.readiness()).reason ?? '')
  })
}
