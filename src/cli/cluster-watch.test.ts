import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PaxosError } from '../base/error.ts'
import type { StatusJson } from '../wire/api-types.ts'
import { ClusterWatch, renderWatched } from './cluster-watch.ts'

const times = [1, 2, 3, 4].map((second) => `2026-01-01T00:00:0${second}.000Z`)

const status = {
  clusterId: 'c',
  node: { name: 'n1' },
  groups: [{ group: '0', epoch: 1, role: 'leader', leader: 'n1', steady: true, notReady: null, q1: 1, q2: 1 }],
  members: [{ name: 'n1', clientAddress: 'h:0' }],
} as unknown as StatusJson

/** Answers at its address while it is up. */
class Node {
  isUp = true

  async status(endpoint: string): Promise<StatusJson> {
    if (this.isUp && endpoint === 'http://h:0') return status
    throw new PaxosError('CANNOT_CONNECT', `Cannot connect to ${endpoint}`)
  }
}

test('who watches a cluster sees it go away, since when, and come back', async () => {
  const node = new Node()
  const watch = new ClusterWatch(node, ['http://h:0'])
  const first = await watch.look(times[0])
  assert.deepEqual([first.time, first.silentSince, first.healthy], [times[0], null, true])
  assert.match(renderWatched(first), /^2026-01-01T00:00:01.000Z\ncluster c, .*\nhealthy$/s)
  node.isUp = false
  await watch.look(times[1])
  const third = await watch.look(times[2])
  assert.deepEqual([third.time, third.silentSince, third.healthy, third.leader], [times[2], times[1], false, null])
  const silent =
    /^2026-01-01T00:00:03.000Z\ncluster c.*\nn1 .*no answer.*\nunhealthy: nobody answers since 2026-01-01T00:00:02/s
  assert.match(renderWatched(third), silent)
  node.isUp = true
  const back = await watch.look(times[3])
  assert.deepEqual([back.silentSince, back.healthy, back.leader], [null, true, 'n1'])
})

test('a cluster that never answered is waited for, but not what nobody could ask', async () => {
  const node = new Node()
  const waiting = await new ClusterWatch(node, ['http://x:1']).look(times[0])
  assert.equal(renderWatched(waiting), `${times[0]}\nnobody answers since ${times[0]}: Cannot connect to http://x:1`)
  assert.deepEqual([waiting.silentSince, waiting.healthy, waiting.clusterId], [times[0], false, undefined])
  const misused = { status: () => Promise.reject(new PaxosError('USAGE', 'no such endpoint')) }
  await assert.rejects(new ClusterWatch(misused, ['x']).look(), /no such endpoint/)
})
