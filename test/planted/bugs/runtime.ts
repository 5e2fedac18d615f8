import type { Bug } from '../bug.ts'

const requests = 'runtime/requests.ts'
const replica = 'runtime/replica.ts'

/** Requests on their way: forwarded, proposed again, answered. */
export const runtimeBugs: readonly Bug[] = [
  {
    name: 'forwarded-twice',
    what: 'A forwarded request that the network doubled is done twice',
    patches: [
      {
        file: replica,
        find: 'if (!isStamped(request) && !this.#seenForwards.isFirst(from, id)) continue',
        replace: '',
      },
    ],
  },
  {
    name: 'resent-without-session',
    what: 'A request without a session is forwarded again when its answer is late',
    patches: [
      {
        file: requests,
        find: `      if (isStamped(forwarded.request.bytes)) {
        forwarded.leader`,
        replace: `      if (forwarded.sentAt >= 0) {
        forwarded.leader`,
      },
      {
        file: replica,
        find: 'if (!isStamped(request) && !this.#seenForwards.isFirst(from, id)) continue',
        replace: '',
      },
    ],
  },
  {
    name: 'taken-back-without-session',
    what: 'A new leader proposes again what it had forwarded without a session',
    patches: [
      {
        file: requests,
        find: 'if (isStamped(request.bytes)) back.push(request)',
        replace: 'if (request.deadline > 0) back.push(request)',
      },
    ],
  },
  {
    name: 'moved-without-session',
    what: 'A request without a session goes to the next leader as well (T10)',
    patches: [
      {
        file: requests,
        find: `      if (isStamped(forwarded.request.bytes)) {
        forwarded.leader`,
        replace: `      if (forwarded.sentAt >= 0) {
        forwarded.leader`,
      },
    ],
  },
  {
    name: 'answered-by-another-batch',
    what: 'Whatever is chosen in its slot answers a proposed batch',
    patches: [
      {
        file: requests,
        find: 'if (sameEntry(bound, entry)) this.#answer',
        replace: 'if (sameEntry(bound, entry) || replies.length === requests.length) this.#answer',
      },
    ],
  },
  {
    name: 'proposed-called-failed',
    what: 'A proposed request that runs out of time is called "certainly not done"',
    patches: [
      {
        file: requests,
        find: `finish(request, unknown('it was proposed, and no quorum answered in time'), now)`,
        replace: `finish(request, { kind: 'failed', code: 'NO_QUORUM', message: '' }, now)`,
      },
    ],
  },
  {
    name: 'forwarded-called-failed',
    what: 'A forwarded request that runs out of time is called "certainly not done"',
    patches: [
      {
        file: requests,
        find: `finish(request, unknown('it was given to the leader, which did not answer in time'), now)`,
        replace: `finish(request, { kind: 'failed', code: 'NO_QUORUM', message: '' }, now)`,
      },
    ],
  },
  {
    name: 'answered-when-proposed',
    what: 'A put is answered when it is proposed, before it is chosen',
    patches: [
      {
        file: requests,
        find: `    const before = this.#proposed.get(slot)
`,
        replace: `    const before = this.#proposed.get(slot)
    for (const request of requests) {
      finish(request, { kind: 'replied', reply: { kind: 'put', slot, revision: slot, version: 1 } }, 0)
    }
`,
      },
    ],
  },
  {
    name: 'rebound-batch-proposed-again',
    what: 'A batch whose slot its node binds to another later on is proposed elsewhere at once',
    patches: [
      {
        file: requests,
        find: 'else before.push({ entry, requests })',
        replace: `else {
      for (const each of before.splice(0)) this.#requeue(each.requests)
      before.push({ entry, requests })
    }`,
      },
    ],
  },
]
