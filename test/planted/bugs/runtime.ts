import type { Bug } from '../bug.ts'

const requests = 'runtime/requests.ts'
const replica = 'runtime/replica.ts'
const desk = 'runtime/forward-desk.ts'

/** Requests on their way: forwarded, proposed again, answered. */
export const runtimeBugs: readonly Bug[] = [
  {
    name: 'forwarded-twice',
    what: 'A forwarded request that the network doubled is done twice',
    patches: [
      {
        file: desk,
        find: 'if (!isStamped(request) && !this.#seen.isFirst(from, id)) return',
        replace: '',
      },
    ],
  },
  {
    name: 'forwarded-on',
    what: 'A request that another node forwarded is forwarded on to the next leader, so that copies multiply',
    patches: [{ file: requests, find: 'if (request.isForeign) {', replace: 'if (request.deadline < 0) {' }],
  },
  {
    name: 'second-copy-queued',
    what: 'A copy of a forwarded session request is queued beside the one that waits, so that copies fill the queue',
    patches: [{ file: desk, find: 'if (waiting.has(id)) return', replace: '' }],
  },
  {
    name: 'resent-called-failed',
    what: 'A refusal of one copy calls a request "certainly not done" of which another leader has a copy',
    patches: [{ file: requests, find: 'if (request.mayBeDone) finish', replace: 'if (request.deadline < 0) finish' }],
  },
  {
    name: 'refused-and-done',
    what: 'A late copy of a refused session request is done',
    patches: [{ file: desk, find: 'this.#refused.has(from, id) ? notLeading : this', replace: 'this' }],
  },
  {
    name: 'forward-to-any-incarnation',
    what: 'A late copy of a forwarded request is done by a later incarnation of the leader',
    patches: [{ file: desk, find: 'if (incarnation !== this.#incarnation) return', replace: 'incarnation' }],
  },
  {
    name: 'forwards-numbered-anew',
    what: 'Forwarded requests are numbered anew in each incarnation',
    patches: [
      {
        file: replica,
        find: 'setup.incarnation * forwardsPerLife',
        replace: 'setup.incarnation * 0 * forwardsPerLife',
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
        file: desk,
        find: 'if (!isStamped(request) && !this.#seen.isFirst(from, id)) return',
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
