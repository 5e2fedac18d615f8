import type { Bug } from '../bug.ts'

const multipaxos = 'protocol/multipaxos/multipaxos.ts'
const heartbeats = 'protocol/multipaxos/heartbeats.ts'
const grant = 'protocol/multipaxos/grant.ts'
const acceptor = 'protocol/multipaxos/acceptor.ts'

/** Linearizable reads and leases. */
export const readBugs: readonly Bug[] = [
  {
    name: 'read-before-barrier',
    what: 'A new leader answers reads before its barrier is chosen (T14)',
    patches: [
      {
        file: multipaxos,
        find: '!this.#reads.wantsHeartbeat || !this.#leader.isSteady',
        replace: '!this.#reads.wantsHeartbeat',
      },
      {
        file: multipaxos,
        find: 'if (this.#leader.isSteady) this.#reads.onHeartbeatSent',
        replace: 'this.#reads.onHeartbeatSent',
      },
    ],
  },
  {
    name: 'read-without-confirmation',
    what: 'A leader answers reads without asking whether it still leads',
    patches: [
      {
        file: multipaxos,
        find: `    return this.#heartbeat()
`,
        replace: `    return [...this.#heartbeat(), ...this.#reads.onConfirmed(Number.MAX_SAFE_INTEGER)]
`,
      },
    ],
  },
  {
    name: 'read-confirmed-before',
    what: 'A heartbeat sent before the read came confirms it',
    patches: [
      {
        file: 'protocol/multipaxos/reads.ts',
        find: 'if (this.#sent === undefined || seq < this.#sent.seq) return []',
        replace: 'if (this.#sent === undefined || seq < this.#sent.seq - 1) return []',
      },
    ],
  },
  {
    name: 'read-confirmed-by-too-few',
    what: 'Acknowledgements that need not meet a phase-1 quorum confirm a heartbeat',
    patches: [
      { file: 'protocol/quorum.ts', find: 'count(nodes) >= meetsPhase1', replace: 'count(nodes) >= meetsPhase1 - 1' },
    ],
  },
  {
    name: 'old-heartbeat-acknowledged',
    what: 'A heartbeat below the promise is acknowledged',
    patches: [
      {
        file: multipaxos,
        find: `    if (compareBallots(ballot, promised) < 0) {
      return [{ kind: 'send', to: [from], message: { kind: 'nack', ballot, promised, leaseMs: 0 } }]
    }
`,
        replace: '    promised\n',
      },
    ],
  },
  {
    name: 'late-answer-of-an-earlier-incarnation',
    what: 'Questions to the leader are numbered anew in each incarnation',
    patches: [
      {
        file: 'protocol/multipaxos/reads.ts',
        find: 'this.#question = incarnation * questionsMax',
        replace: 'this.#question = incarnation * 0',
      },
    ],
  },
  {
    name: 'read-before-applied',
    what: 'A read is answered before the machine has applied what it must see',
    patches: [
      {
        file: 'runtime/reads.ts',
        find: 'const due = this.#ready.filter((batch) => batch.upTo <= appliedUpTo)',
        replace: 'const due = this.#ready',
      },
      {
        file: 'runtime/reads.ts',
        find: 'this.#ready = this.#ready.filter((batch) => batch.upTo > appliedUpTo)',
        replace: 'this.#ready = []',
      },
    ],
  },
  {
    name: 'stale-read-for-linearizable',
    what: 'A linearizable read is served from whatever the node has applied',
    patches: [
      {
        file: 'runtime/replica.ts',
        find: `if (consistency === 'stale') this`,
        replace: `if (consistency !== 'never') this`,
      },
    ],
  },
  {
    name: 'deposed-leader-answers',
    what: 'A leader that steps down answers the reads that it holds',
    patches: [
      {
        file: 'protocol/multipaxos/reads.ts',
        find: `    const readers = [...(this.#sent?.readers ?? []), ...this.#waiting]
    this.#sent = undefined`,
        replace: `    const readers = [...(this.#sent?.readers ?? []), ...this.#waiting]
    const upTo = this.#sent?.upTo
    this.#sent = undefined
    if (upTo !== undefined) {
      this.#waiting = []
      return readers.map((reader) => answer(reader, upTo, 'readIndex'))
    }`,
      },
    ],
  },
  {
    name: 'lease-from-answer',
    what: 'A lease counts from the acknowledgement, not from the heartbeat (T12)',
    patches: [
      {
        file: heartbeats,
        find: 'onAck(from: NodeId, seq: number): void {',
        replace: 'onAck(from: NodeId, seq: number, now = 0): void {',
      },
      {
        file: heartbeats,
        find: '    this.#acked.set(from, seq)',
        replace: '    this.#acked.set(from, seq)\n    this.#sentAt.set(seq, now)',
      },
      {
        file: multipaxos,
        find: 'this.#heartbeats.onAck(from, message.seq)',
        replace: 'this.#heartbeats.onAck(from, message.seq, now)',
      },
    ],
  },
  {
    name: 'no-boot-silence',
    what: 'A restarted node promises at once, whatever it granted before (T11)',
    patches: [{ file: grant, find: 'leaseMs === 0 ? 0 : silentUntil', replace: '0' }],
  },
  {
    name: 'drift-ignored',
    what: 'A lease lasts as long on the leader’s clock as on the followers’',
    patches: [
      {
        file: heartbeats,
        find: '(leaseMs * (1 - clockDriftMax)) / (1 + clockDriftMax) - leaseMarginMs',
        replace: 'leaseMs + clockDriftMax * 0',
      },
    ],
  },
  {
    name: 'grant-not-kept-on-prepare',
    what: 'A grant does not hold back promises',
    patches: [
      {
        file: acceptor,
        find: `    const leaseMs = this.#grant.remainingMs(now, from)
    if (leaseMs > 0) return [this.#nack(from, ballot, leaseMs)]
    this.#answered`,
        replace: `    now
    this.#answered`,
      },
    ],
  },
  {
    name: 'grant-not-kept-on-accept',
    what: 'A grant does not hold back votes at a higher ballot',
    patches: [
      {
        file: acceptor,
        find: `      const leaseMs = this.#grant.remainingMs(now, from)
      if (leaseMs > 0) return [this.#nack(from, ballot, leaseMs)]
`,
        replace: '      now\n',
      },
    ],
  },
  {
    name: 'stale-release',
    what: 'A release of an older leadership ends the grant of a newer one',
    patches: [
      {
        file: grant,
        find: 'if (this.#holder === undefined || !sameBallot(this.#holder, ballot)) return',
        replace: 'ballot',
      },
    ],
  },
  {
    name: 'stale-grant',
    what: 'A late heartbeat of an older leadership takes the grant over',
    patches: [
      {
        file: grant,
        find: 'if (this.#holder !== undefined && now < this.#until && compareBallots(ballot, this.#holder) < 0) return false',
        replace: '',
      },
    ],
  },
  {
    name: 'lease-outlives-leadership',
    what: 'A new leadership keeps what the last one concluded from its heartbeats',
    patches: [
      {
        file: heartbeats,
        find: `    this.voidLease()
    this.#acked.clear()
    this.#sentAt.clear()
`,
        replace: '',
      },
    ],
  },
  {
    name: 'sleep-unnoticed',
    what: 'A machine that slept, or whose clock was set, goes on with its lease',
    patches: [
      {
        file: 'runtime/clock-watch.ts',
        find: 'return Math.abs(this.#clock.wallNow() - this.#clock.now() - this.#offset) > toleranceMs',
        replace: 'return false',
      },
      {
        file: 'runtime/clock-watch.ts',
        find: 'const hasJumped = Math.abs(offset - this.#offset) > toleranceMs',
        replace: 'const hasJumped = false',
      },
    ],
  },
  {
    name: 'sleep-voids-the-past-only',
    what: 'Heartbeats sent before the clock jumped renew the lease when they are acknowledged',
    patches: [{ file: heartbeats, find: 'this.#voidUpTo = this.#seq', replace: '' }],
  },
  {
    name: 'stale-read-of-nothing',
    what: 'A member that waits for its data answers stale reads with nothing',
    patches: [
      {
        file: 'runtime/read-desk.ts',
        find: 'if (appliedUpTo === 0 && this.#host.epochs().truncatedUpTo > 0) {',
        replace: 'if (appliedUpTo < 0) {',
      },
    ],
  },
]
