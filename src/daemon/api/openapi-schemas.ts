import { errorCodes } from '../../base/error.ts'
import { membersMax } from '../../base/member-bounds.ts'
import { adminActions, writeActions } from '../../machine/audit-record.ts'
import { logLevels } from '../../wire/api-types.ts'
import { noteActions } from '../../wire/audit-types.ts'

export interface Schema {
  readonly [name: string]: unknown
}

export const counter: Schema = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER }
const text: Schema = { type: 'string' }
const textOrNull: Schema = { type: ['string', 'null'] }
const counterOrNull: Schema = { type: ['integer', 'null'], minimum: 0 }
const flag: Schema = { type: 'boolean' }
const base64: Schema = { type: 'string', contentEncoding: 'base64' }
const ballot: Schema = { type: 'string', pattern: '^[0-9]+\\.[0-9]+$', description: 'round.node' }

export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

/** An object with these fields, all there unless their names end in `?`, and no others. */
export function closed(fields: Readonly<Record<string, Schema>>, more: Schema = {}): Schema {
  return { ...object(fields), additionalProperties: false, ...more }
}

function object(fields: Readonly<Record<string, Schema>>): Schema {
  const names = Object.keys(fields)
  return {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name.replace('?', ''), fields[name]])),
    required: names.filter((name) => !name.endsWith('?')),
  }
}

/** Bytes as text in `name` or as base64 in `name64`: fields, and the rule that one of the two is there. */
function either(...names: readonly string[]): { fields: Record<string, Schema>; rule: Schema } {
  const fields: Record<string, Schema> = {}
  for (const name of names) {
    fields[`${name}?`] = text
    fields[`${name}64?`] = base64
  }
  return { fields, rule: { allOf: names.map((name) => ({ oneOf: [has(name), has(`${name}64`)] })) } }
}

function has(name: string): Schema {
  return { required: [name] }
}

const key = either('key')
const prefix = either('prefix')
const keyAndValue = either('key', 'value')
const rangeFields = either('key', 'prefix', 'start', 'end').fields
const amount: Schema = { type: 'number', minimum: 0 }
const amountOrNull: Schema = { type: ['number', 'null'], minimum: 0 }
const ofLastMinute: Schema = { description: 'Of the last minute.' }
const ballotParts: Schema = {
  type: 'array',
  items: counter,
  description: 'epoch, round, node, incarnation, sub',
}
const position = { slot: counter, group: text }
const codes = Object.keys(errorCodes)

export const schemas: Readonly<Record<string, Schema>> = {
  Error: closed({ error: closed({ code: { enum: codes }, message: text, 'hint?': text }) }),
  Put: closed({ revision: counter, version: counter, ...position }),
  Deleted: closed({ deleted: counter, revision: counter, ...position }),
  Item: closed(
    { ...key.fields, ...either('value').fields, createRevision: counter, modRevision: counter, version: counter },
    key.rule,
  ),
  Items: closed({ items: { type: 'array', items: ref('Item') }, more: flag, revision: counter }),
  Compare: closed(
    {
      ...key.fields,
      target: { enum: ['value', 'version', 'createRevision', 'modRevision'] },
      op: { enum: ['=', '!=', '<', '>'] },
      'operand?': { oneOf: [text, counter] },
      'operand64?': base64,
    },
    { allOf: [key.rule, { oneOf: [has('operand'), has('operand64')] }] },
  ),
  Operation: {
    oneOf: [
      closed({ put: closed(keyAndValue.fields, keyAndValue.rule) }),
      closed({ get: closed({ ...rangeFields, 'limit?': { type: 'integer', minimum: 1, maximum: 10_000 } }) }),
      closed({ delete: closed(rangeFields) }),
    ],
  },
  Txn: closed({
    'compare?': { type: 'array', items: ref('Compare') },
    'then?': { type: 'array', items: ref('Operation') },
    'else?': { type: 'array', items: ref('Operation') },
  }),
  TxnDone: closed({
    succeeded: flag,
    results: {
      type: 'array',
      items: {
        oneOf: [
          closed({ put: closed({ version: counter }) }),
          closed({ get: closed({ items: { type: 'array', items: ref('Item') }, more: flag }) }),
          closed({ delete: closed({ deleted: counter }) }),
        ],
      },
    },
    revision: counter,
    ...position,
  }),
  CompactRequest: closed({ revision: counter }),
  Compacted: closed({ compacted: counter, revision: counter, ...position }),
  SessionRequest: closed({ ttlMs: { type: 'integer', minimum: 100, maximum: 86_400_000 } }),
  Session: closed({ id: { type: 'string', pattern: '^[0-9]+$' }, ttlMs: counter, ...position }),
  FeatureLevels: closed({ min: counter, max: counter }),
  Group: closed({
    group: text,
    epoch: counter,
    featureLevel: { ...counter, description: 'What all members of the epoch understand.' },
    protocol: text,
    role: { enum: ['leader', 'candidate', 'follower', 'learner'] },
    leader: textOrNull,
    ballot,
    promised: ballot,
    chosen: counter,
    applied: counter,
    durable: counter,
    truncated: counter,
    revision: counter,
    compactedRevision: counter,
    steady: flag,
    notReady: { ...textOrNull, description: 'Why the node does not serve.' },
    sessions: counter,
    verifiedUpTo: { ...counterOrNull, description: 'The data of the members were found the same up to this slot.' },
    diverged: { type: 'array', items: text, description: 'Members whose data differ from those of others.' },
    q1: counter,
    q2: counter,
    leaseMs: counter,
    openSlots: counter,
    logBytes: counter,
    elections: counter,
    queuedRequests: counter,
    queuedReads: counter,
  }),
  Member: closed({
    name: text,
    id: text,
    kind: { enum: ['acceptor', 'learner'] },
    peerAddress: text,
    clientAddress: textOrNull,
    reachable: flag,
    lagSlots: { ...counterOrNull, description: 'Chosen slots that it lacks; null when it does not answer.' },
  }),
  Status: closed({
    clusterId: text,
    node: closed({
      incarnation: { ...counter, description: 'Rises with each start.' },
      ...{ name: text, id: text, pid: counter, version: text, clientAddress: text, peerAddress: text },
      featureLevels: ref('FeatureLevels'),
    }),
    groups: { type: 'array', items: ref('Group') },
    members: { type: 'array', items: ref('Member') },
  }),
  File: closed({
    name: { ...text, description: 'Within the directory; `.` is the directory itself.' },
    kind: { enum: ['directory', 'file', 'socket', 'other'] },
    mode: { type: 'string', pattern: '^[0-7]{4,}$' },
    uid: { type: 'integer', minimum: -1 },
  }),
  Link: closed({
    member: text,
    connected: { ...flag, description: 'Messages of this node reach it.' },
    inbound: { ...flag, description: 'Its messages reach this node.' },
    version: textOrNull,
    featureLevels: { oneOf: [ref('FeatureLevels'), { type: 'null' }] },
    lastError: textOrNull,
    refusal: { oneOf: [ref('LinkRefusal'), { type: 'null' }] },
  }),
  LinkRefusal: closed({
    by: { enum: ['node', 'member'], description: 'Who refuses: the node that was asked, or the member.' },
    code: text,
    message: text,
  }),
  Diagnosis: closed({
    clusterId: text,
    node: closed({ name: text, pid: counter, version: text, runtime: text, uptimeMs: counter }),
    wallMs: { ...counter, description: 'The clock of the node, in milliseconds since 1970.' },
    flush: closed({ count: counter, p99Ms: amountOrNull, maxMs: amountOrNull }, ofLastMinute),
    loop: closed({ maxMs: amount, stalledSeconds: counter }, ofLastMinute),
    disk: closed({
      freeBytes: counter,
      totalBytes: counter,
      acceptorBytes: counter,
      stateBytes: counter,
      lossBytesPerSecond: { ...amountOrNull, description: 'How fast free space goes down; null when not known yet.' },
    }),
    state: closed({
      usedBytes: { ...counter, description: 'Without what is free inside the file.' },
      growthBytesPerSecond: { type: ['number', 'null'], description: 'Null when not known yet.' },
    }),
    backups: {
      oneOf: [
        closed({ directory: text, everyMs: counter, ageMs: amountOrNull, failures: counter, lastFailure: textOrNull }),
        { type: 'null' },
      ],
      description: 'That the node makes by itself; null when it makes none.',
    },
    directory: closed({
      path: text,
      uid: { type: 'integer', minimum: -1, description: 'User of the process.' },
      files: { type: 'array', items: ref('File') },
    }),
    settings: { type: 'object', additionalProperties: counter },
    links: { type: 'array', items: ref('Link') },
  }),
  StoreUsage: closed({
    bytes: { ...counter, description: 'Size of the file. It does not shrink by itself.' },
    usedBytes: counter,
    freeBytes: { ...counter, description: 'Free inside the file: used again before it grows.' },
    records: counter,
  }),
  Space: closed({
    clusterId: text,
    node: text,
    revision: counter,
    acceptor: ref('StoreUsage'),
    state: ref('StoreUsage'),
    log: closed({ slots: counter, bytes: counter }),
    disk: closed({ freeBytes: counter, totalBytes: counter, freeMinBytes: counter }),
    growthBytesPerHour: { type: ['number', 'null'], description: 'Of the state; null when not known yet.' },
    diskLossBytesPerHour: { ...amountOrNull, description: 'All programs together; null when not known yet.' },
    full: {
      oneOf: [closed({ inMs: amount, by: { enum: ['disk', 'quota'] } }), { type: 'null' }],
      description: 'When writes will be refused at these rates.',
    },
    quota: {
      oneOf: [closed({ maxBytes: counter, usedBytes: counter }), { type: 'null' }],
      description: 'Of what is used in the state.',
    },
    refusing: { enum: ['disk', 'quota', null], description: 'Why writes are refused for want of room.' },
  }),
  Reclaim: closed({
    node: text,
    state: { enum: ['idle', 'running', 'done', 'failed'] },
    beforeBytes: { ...counterOrNull, description: 'Size of the file.' },
    afterBytes: counterOrNull,
    copiedBytes: counter,
    totalBytes: { ...counter, description: 'About how much there is to copy.' },
    tookMs: counterOrNull,
    error: { oneOf: [closed({ code: { enum: codes }, message: text }), { type: 'null' }] },
  }),
  Tally: closed({ count: counter, bytes: { ...counter, description: 'Keys and values together.' } }),
  SpaceKeys: closed({
    group: text,
    revision: counter,
    records: { ...counter, description: 'Counted in this page.' },
    items: ref('Tally'),
    history: ref('Tally'),
    sessions: ref('Tally'),
    audit: ref('Tally'),
    other: ref('Tally'),
    prefixes: {
      type: 'array',
      items: closed({ ...prefix.fields, items: ref('Tally'), history: ref('Tally') }, prefix.rule),
    },
    next: { ...textOrNull, description: '`after` of the next page.' },
  }),
  Config: closed({ settings: { type: 'object', additionalProperties: true } }),
  LogLine: closed({
    slot: counter,
    'upTo?': { ...counter, description: 'The line stands for every slot below this one, from `slot` on.' },
    epoch: {
      ...counterOrNull,
      description: 'Null where the line stands for truncated slots, which may be of several.',
    },
    state: { enum: ['chosen', 'voted', 'missing', 'unknown', 'truncated'] },
    ballot: { oneOf: [ballot, { type: 'null' }] },
    kind: { enum: ['batch', 'noop', 'barrier', 'stopSign', null] },
    'bytes?': counter,
    'timeMs?': counter,
    'commands?': { type: 'array', items: { ...object({ kind: text }), additionalProperties: true } },
    'next?': {
      oneOf: [
        closed({
          epoch: counter,
          q1: counter,
          q2: counter,
          featureLevel: counter,
          members: { type: 'array', items: closed({ name: text, kind: { enum: ['acceptor', 'learner'] } }) },
        }),
        { type: 'null' },
      ],
    },
  }),
  EpochMember: closed({ name: text, id: text, kind: { enum: ['acceptor', 'learner'] }, peerAddress: text }),
  Epoch: closed({
    epoch: counter,
    protocol: text,
    q1: counter,
    q2: counter,
    leaseMs: counter,
    featureLevel: { ...counter, description: 'What all members understand. It never falls.' },
    members: { type: 'array', items: ref('EpochMember') },
    highestId: { ...text, description: 'The highest id that a member ever had; none is given twice.' },
    startSlot: { type: ['integer', 'null'], minimum: 0, description: 'Null while it has not begun.' },
  }),
  Epochs: closed({ clusterId: text, group: text, epochs: { type: 'array', items: ref('Epoch') } }),
  WantedEpoch: closed({
    'after?': { ...counter, description: 'Only if this epoch is the newest.' },
    'members?': {
      type: 'array',
      maxItems: membersMax,
      items: closed({ name: text, 'peerAddress?': text, kind: { enum: ['acceptor', 'learner'] } }),
      description: 'All members that there are to be. Left out: as they are.',
    },
    'q1?': counter,
    'q2?': counter,
    'featureLevel?': { ...counter, description: 'Only upwards, and only when every member understands it.' },
    'dryRun?': flag,
  }),
  Margins: closed({
    acceptors: counter,
    reachable: counter,
    q1: counter,
    q2: counter,
    toElect: { ...counter, description: 'Acceptors that may fail while a leader can be elected.' },
    toCommit: { ...counter, description: 'Acceptors that may fail while writes go on.' },
  }),
  EpochChange: closed({
    done: { ...flag, description: 'False for a dry run.' },
    before: ref('Margins'),
    after: ref('Margins'),
    problems: { type: 'array', items: text },
    warnings: { type: 'array', items: text },
    next: ref('Epoch'),
  }),
  HandOver: closed({ to: text }),
  HandedOver: closed({ from: text, to: text }),
  GapRow: closed({
    from: counter,
    to: counter,
    class: { enum: ['truncated', 'unlearned', 'inFlight', 'undecided', 'hole', 'unknown'] },
    votes: { type: 'array', items: ref('SlotVote') },
    advice: text,
  }),
  SlotVote: closed({
    member: text,
    state: { enum: ['chosen', 'voted', 'none', 'unknown', 'truncated', 'noAnswer'] },
    ballot: { oneOf: [ballot, { type: 'null' }] },
  }),
  SlotVotes: closed({
    group: text,
    epoch: counter,
    answered: { type: 'array', items: text },
    silent: { type: 'array', items: text },
    slots: { type: 'array', items: closed({ slot: counter, votes: { type: 'array', items: ref('SlotVote') } }) },
  }),
  FillRequest: closed({
    'slot?': { ...counter, description: 'Left out: every gap.' },
    'takeOver?': { ...flag, description: 'When nobody leads, this node seeks leadership.' },
    'dryRun?': flag,
  }),
  Filled: closed({
    filled: {
      type: 'array',
      items: closed({
        slot: counter,
        state: { enum: ['chosen', 'truncated'] },
        kind: { enum: ['batch', 'noop', 'barrier', 'stopSign', null] },
        ballot: { oneOf: [ballot, { type: 'null' }] },
      }),
    },
    gaps: { type: 'array', items: ref('GapRow') },
    more: { ...flag, description: 'Not everything was looked at: ask again.' },
  }),
  Gaps: closed({
    group: text,
    epoch: counter,
    from: counter,
    to: counter,
    more: flag,
    answered: { type: 'array', items: text },
    silent: { type: 'array', items: text },
    known: { ...flag, description: 'False when too few answered to know of every vote.' },
    highestVoted: counterOrNull,
    chosenUpTo: counter,
    rows: { type: 'array', items: ref('GapRow') },
  }),
  MemberVerdict: closed({
    member: text,
    state: { enum: ['same', 'diverged', 'differs', 'incomparable', 'silent'] },
    applied: counterOrNull,
    revision: counterOrNull,
    since: { ...counterOrNull, description: 'First slot of its hash chain.' },
    slot: { ...counterOrNull, description: 'The highest slot at which it was compared.' },
    chain: { ...textOrNull, description: 'Its chain there, in hexadecimal.' },
    firstSlot: { ...counterOrNull, description: 'The first difference is in this slot or a later one,' },
    beforeSlot: { ...counterOrNull, description: 'and before this one.' },
  }),
  Verify: closed({
    group: text,
    epoch: counter,
    verdict: { enum: ['same', 'diverged', 'unknown'] },
    checkedUpTo: { ...counterOrNull, description: 'A majority of the members has the same chain here.' },
    members: { type: 'array', items: ref('MemberVerdict') },
  }),
  VerifyContent: closed({
    group: text,
    revision: counter,
    keys: { ...counter, description: 'Compared in this page.' },
    verdict: { enum: ['same', 'diverged', 'unknown'] },
    members: {
      type: 'array',
      items: closed({
        member: text,
        state: { enum: ['same', 'diverged', 'differs', 'compacted', 'behind', 'silent'] },
      }),
    },
    more: flag,
    'next?': { ...text, description: 'Where the next page begins.' },
    'next64?': base64,
    'firstKey?': { ...text, description: 'The first key that differs is this one,' },
    'firstKey64?': base64,
    'beforeKey?': { ...text, description: 'or one before this one that the node that was asked does not have.' },
    'beforeKey64?': base64,
  }),
  Survivor: closed({
    id: counter,
    name: text,
    clusterId: text,
    diskId: text,
    appliedUpTo: { ...counter, description: 'Everything below is in its data, durably.' },
    epochs: { type: 'array', items: { type: 'object', required: ['number', 'members', 'q1', 'q2', 'startSlot'] } },
    logs: {
      type: 'array',
      items: closed({
        epoch: counter,
        promised: { anyOf: [ballotParts, { type: 'null' }] },
        truncatedUpTo: counter,
        chosenUpTo: counter,
        heldUpTo: { ...counter, description: 'From truncatedUpTo up to here it has every chosen entry.' },
        votes: {
          type: 'array',
          items: closed({ slot: counter, ballot: ballotParts, kind: text, payload64: base64, chosen: flag }),
        },
        unknown: { type: 'array', items: counter, description: 'Slots whose vote cannot be read.' },
      }),
    },
    incarnations: { type: 'array', items: closed({ incarnation: counter, incarnationId: text }) },
    met: { type: 'array', items: closed({ node: counter, diskId: text, incarnation: counter, incarnationId: text }) },
  }),
  AuditRecord: closed({
    number: { ...counter, description: 'In its trail; numbers rise by one.' },
    slot: counter,
    time: { ...text, description: "Of the cluster's clock, as in RFC 3339, in UTC." },
    revision: counter,
    action: { enum: [...adminActions, ...writeActions] },
    actor: { ...textOrNull, description: 'Whom the client claimed to be.' },
    node: { ...text, description: 'That took the request.' },
    address: { ...textOrNull, description: 'Where the client connected from; null: the local socket of the node.' },
    detail: text,
    keys: {
      type: 'array',
      items: closed({
        ...{ 'key?': text, 'key64?': base64, 'start?': text, 'start64?': base64, 'end?': text, 'end64?': base64 },
      }),
    },
    keysLeftOut: { ...counter, description: 'Written too, and not named.' },
  }),
  AuditTrail: closed({
    records: { type: 'array', items: ref('AuditRecord') },
    next: { ...counterOrNull, description: '`before` of the next page; null when nothing older is kept.' },
    revision: counter,
  }),
  AuditChanges: closed({
    changes: {
      type: 'array',
      items: closed({
        revision: counter,
        kind: { enum: ['put', 'delete', null] },
        record: { oneOf: [ref('AuditRecord'), { type: 'null' }] },
      }),
    },
    next: counterOrNull,
    compactedRevision: { ...counter, description: 'At and below it, only audited changes are known.' },
    revision: counter,
  }),
  AuditNote: closed({ action: { enum: noteActions }, detail: text }),
  AuditNoted: closed({ number: counter, slot: counter }),
  LogLevel: closed({ level: { enum: logLevels } }),
  Live: closed({ live: flag }),
  Ready: closed({ ready: flag, reason: textOrNull }),
}
