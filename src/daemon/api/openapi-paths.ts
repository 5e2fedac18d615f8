import { counter, ref, type Schema } from './openapi-schemas.ts'

type Operation = Readonly<Record<string, unknown>>

const bytes: Schema = { type: 'string', contentMediaType: 'application/octet-stream' }
const sessionHeaders = [
  header('paxos-session', { type: 'string', pattern: '^[0-9]+$' }, 'Id of a session; makes the write safe to retry.'),
  header('paxos-seq', { ...counter, minimum: 1 }, 'Number of the write in its session. A retry has the same.'),
  header('paxos-acked-below', counter, 'The client has the answers to every number below.'),
]
const keyOfAudit = query('key', { type: 'string', minLength: 1 }, 'Percent-encoded bytes.')
const auditPage = [
  query('before', counter, 'Only what is below: `next` of the page before.'),
  query('limit', { ...counter, minimum: 1, maximum: 1000 }, '100 by default.'),
]
const actor = header(
  'paxos-actor',
  { type: 'string', maxLength: 128 },
  'Who the client says that it is, in UTF-8, for the audit trail; nobody checks it. Other requests that change something take it too.',
)
const ifVersion = header('if-version', counter, 'Only if the key has this version; 0: only if it does not exist.')
const range = [
  query('prefix', { type: 'string' }, 'Keys that begin with it.'),
  query('start', { type: 'string' }, 'Inclusive.'),
  query('end', { type: 'string' }, 'Exclusive.'),
]
const consistency = query(
  'consistency',
  { enum: ['linearizable', 'stale'] },
  'linearizable (default): as if nothing were replicated. stale: what this node has.',
)
const revision = query('revision', counter, 'Read the past, down to what is compacted.')
const slots = [query('from', counter, 'Inclusive.'), query('to', counter, 'Exclusive.')]
const write = [410, 413, 429, 500, 503, 504, 507]
const read = [410, 413, 429, 503]

const keyPath = {
  parameters: [
    {
      name: 'key',
      in: 'path',
      required: true,
      schema: { type: 'string', minLength: 1 },
      description: 'Percent-encoded bytes, 1 to 1024 of them. Slashes may stay as they are.',
    },
  ],
  put: {
    summary: 'Write one key',
    parameters: [ifVersion, ...sessionHeaders, actor],
    requestBody: { required: true, content: { 'application/octet-stream': { schema: bytes } } },
    responses: { 200: answer('Written', 'Put'), ...errors(400, 412, ...write) },
  },
  get: {
    summary: 'Read one key',
    parameters: [consistency, revision],
    responses: {
      200: {
        description: 'The value as it is',
        headers: Object.fromEntries(
          ['paxos-revision', 'paxos-create-revision', 'paxos-mod-revision', 'paxos-version'].map((name) => [
            name,
            { schema: counter },
          ]),
        ),
        content: { 'application/octet-stream': { schema: bytes } },
      },
      ...errors(400, 404, ...read),
    },
  },
  delete: {
    summary: 'Delete one key',
    parameters: [ifVersion, ...sessionHeaders],
    responses: { 200: answer('Deleted, or there was nothing to delete', 'Deleted'), ...errors(400, 412, ...write) },
  },
}

const kvPath = {
  get: {
    summary: 'List keys in byte order',
    parameters: [
      ...range,
      query(
        'limit',
        { type: 'integer', minimum: 1, maximum: 10_000 },
        'Default 1000, and the most of an earlier revision.',
      ),
      revision,
      consistency,
      query('keysOnly', { type: 'boolean' }, 'Leave the values out.'),
    ],
    responses: { 200: answer('A page of keys', 'Items'), ...errors(400, ...read) },
  },
  delete: {
    summary: 'Delete a range of keys in one step',
    parameters: [...range, query('all', { type: 'boolean' }, 'Needed to delete every key.'), ...sessionHeaders],
    responses: { 200: answer('Deleted', 'Deleted'), ...errors(400, ...write) },
  },
}

export const paths: Readonly<Record<string, unknown>> = {
  '/v1/kv/{key}': keyPath,
  '/v1/kv': kvPath,
  '/v1/txn': { post: command('Compare, then do one of two lists', 'Txn', 'TxnDone', sessionHeaders) },
  '/v1/compact': { post: command('Forget history', 'CompactRequest', 'Compacted', sessionHeaders) },
  '/v1/sessions': { post: command('Open a session', 'SessionRequest', 'Session', []) },
  '/v1/sessions/{id}': {
    parameters: [sessionId()],
    delete: { summary: 'Close a session', responses: { 200: answer('Closed', 'Session'), ...errors(400, ...write) } },
  },
  '/v1/sessions/{id}/keepalive': {
    parameters: [sessionId()],
    post: {
      summary: 'Keep a session from expiring',
      responses: { 200: answer('Alive', 'Session'), ...errors(400, ...write) },
    },
  },
  '/v1/status': { get: simple('What this node knows of itself and its cluster', 'Status') },
  '/v1/config': { get: simple('Every setting of this node as it is in force; secrets are hidden', 'Config') },
  '/v1/diagnosis': {
    get: {
      summary: 'What this node knows of its own health: clock, disk, flushes, stalls, links, settings',
      responses: { 200: answer('Facts, without a judgement', 'Diagnosis'), ...errors(400, 500, 503) },
    },
  },
  '/v1/recovery': {
    get: {
      summary: 'Promises and votes of this node, entries included: what `paxos recover plan` reads',
      responses: { 200: answer('What the node holds', 'Survivor'), ...errors(400, 500, 503) },
    },
  },
  '/v1/space': {
    get: {
      summary: 'What this node takes of its disk, what is free inside its files, and how fast they grow',
      responses: { 200: answer('Sizes', 'Space'), ...errors(400, 500, 503) },
    },
  },
  '/v1/space/reclaim': {
    get: simple('How the packed copy of the state database goes, or went', 'Reclaim'),
    post: {
      summary: 'Put a packed copy in place of the state database, without its free pages, while the node serves',
      responses: { 200: answer('Begun, or going on already', 'Reclaim'), ...errors(400, 413, 429, 503, 507) },
    },
  },
  '/v1/space/keys': {
    get: {
      summary: 'Count a page of records by kind and by prefix, while the node serves',
      parameters: [
        query('prefix', { type: 'string' }, 'Only keys that begin with it, and their history. Default: every record.'),
        query('depth', { type: 'integer', minimum: 1, maximum: 16 }, 'Segments, up to a slash each. Default 1.'),
        query('after', { type: 'string', pattern: '^([0-9a-f]{2})+$' }, '`next` of the page before.'),
      ],
      responses: { 200: answer('Counted', 'SpaceKeys'), ...errors(400, 429, 500, 503) },
    },
  },
  '/v1/backup': {
    get: {
      summary: 'Everything that the cluster holds at one revision, as `paxos backup create` stores it',
      parameters: [consistency],
      responses: {
        200: {
          description: 'A backup. It is whole only if its last frame is there; `paxos backup inspect` tells.',
          content: { 'application/octet-stream': { schema: bytes } },
        },
        ...errors(400, 429, 503),
      },
    },
  },
  '/v1/backup/increment': {
    get: {
      summary: 'What was chosen after a backup, as `paxos backup create --base` stores it',
      parameters: [
        consistency,
        required(query('from', counter, 'The first slot that the base does not have.')),
        required(query('base', { type: 'string', pattern: '^[0-9a-f]{64}$' }, 'Id of the base.')),
        required(query('chain', { type: 'string', pattern: '^[0-9a-f]{32}$' }, 'The hash chain where the base ends.')),
      ],
      responses: {
        200: {
          description: 'An increment. It is whole only if its last frame is there; `paxos backup inspect` tells.',
          content: { 'application/octet-stream': { schema: bytes } },
        },
        ...errors(400, 410, 412, 429, 503),
      },
    },
  },
  '/v1/log': {
    get: {
      summary: 'The log as this node has it, one slot a line',
      parameters: [
        ...slots,
        query('follow', { type: 'boolean' }, 'Go on with slots as they become chosen.'),
        query('values', { type: 'boolean' }, 'Values too, not only their sizes.'),
      ],
      responses: {
        200: { description: 'One LogLine a line', content: { 'application/x-ndjson': { schema: ref('LogLine') } } },
        ...errors(400, 429, 503),
      },
    },
  },
  '/v1/log/gaps': {
    get: {
      summary: 'Why slots are not chosen here, from the first such slot on; asks every member, decides nothing',
      parameters: slots,
      responses: { 200: answer('Rows of equal slots', 'Gaps'), ...errors(400, 503) },
    },
  },
  '/v1/log/votes': {
    get: {
      summary: 'What each acceptor of the newest epoch holds of each slot; asks every member, decides nothing',
      parameters: slots,
      responses: { 200: answer('Slot by slot', 'SlotVotes'), ...errors(400, 503) },
    },
  },
  '/v1/epoch': {
    get: {
      summary: 'The newest epoch that this node knows: members and quorum sizes',
      parameters: [query('history', { type: 'boolean' }, 'All that it knows, rising.')],
      responses: { 200: answer('Known', 'Epochs'), ...errors(400, 503) },
    },
    post: {
      summary: 'Change members and quorum sizes; the leader does, once everything open is decided',
      requestBody: jsonBody('WantedEpoch'),
      responses: { 200: answer('Begun, or judged', 'EpochChange'), ...errors(400, 412, 413, 429, 503, 504) },
    },
  },
  '/v1/leader': {
    post: {
      summary: 'Hand leadership over to another acceptor',
      requestBody: jsonBody('HandOver'),
      responses: { 200: answer('Given up', 'HandedOver'), ...errors(400, 404, 412, 413, 429, 503) },
    },
  },
  '/v1/log-lines': {
    get: {
      summary: 'The newest lines that this node has logged, 256 KiB of them at most',
      responses: {
        200: { description: 'One object a line', content: { 'application/x-ndjson': { schema: { type: 'object' } } } },
        ...errors(400, 503),
      },
    },
  },
  '/v1/log/verify': {
    get: {
      summary: 'Compare the hash chains of all members; changes nothing',
      parameters: slots,
      responses: { 200: answer('The verdict', 'Verify'), ...errors(400, 503) },
    },
  },
  '/v1/log/verify/content': {
    get: {
      summary: 'Compare one page of keys on all members; changes nothing',
      parameters: [
        query('revision', counter, 'Default: the newest that all members who answer have reached.'),
        query('start', { type: 'string' }, 'Where the page begins: `next` of the one before.'),
      ],
      responses: { 200: answer('The verdict for the page', 'VerifyContent'), ...errors(400, 410, 429, 503) },
    },
  },
  '/v1/log/fill': {
    post: {
      summary: 'See that a slot, or every gap, is decided by a leader, and say what it got; writes nothing itself',
      requestBody: jsonBody('FillRequest'),
      responses: { 200: answer('Decided, or found', 'Filled'), ...errors(400, 412, 413, 429, 503, 504) },
    },
  },
  '/v1/log-level': {
    get: simple('The level of the log lines', 'LogLevel'),
    put: {
      summary: 'Change it until the node restarts',
      requestBody: jsonBody('LogLevel'),
      responses: { 200: answer('Changed', 'LogLevel'), ...errors(400, 413, 429, 503) },
    },
  },
  '/v1/audit': {
    get: {
      summary: 'Who did what, the newest first: what operators did, or audited writes. From feature level 2 on',
      parameters: [
        query('trail', { enum: ['admin', 'writes'] }, 'Default: admin.'),
        ...auditPage,
        { ...keyOfAudit, description: 'Only records that name it. A page may be empty and not the last.' },
        consistency,
      ],
      responses: { 200: answer('A page of records', 'AuditTrail'), ...errors(400, 412, 413, 429, 503) },
    },
    post: {
      summary: 'Record something that the cluster cannot know by itself',
      parameters: [actor],
      requestBody: jsonBody('AuditNote'),
      responses: { 200: answer('Recorded', 'AuditNoted'), ...errors(400, 412, ...write) },
    },
  },
  '/v1/audit/changes': {
    get: {
      summary: 'What changed a key, the newest first, and who did where writes were audited. From feature level 2 on',
      parameters: [{ ...keyOfAudit, required: true }, ...auditPage, consistency],
      responses: { 200: answer('A page of changes', 'AuditChanges'), ...errors(400, 412, 413, 429, 503) },
    },
  },
  '/v1/stream': {
    get: {
      summary: 'Upgrade to paxos-client/1, the framed stream of the client library',
      responses: { 101: { description: 'Upgraded' }, ...errors(400, 503) },
    },
  },
  '/livez': { get: simple('Alive; never fails for lack of a leader', 'Live') },
  '/readyz': {
    get: {
      summary: 'Serves requests, or says why not',
      responses: {
        200: answer('Ready', 'Ready'),
        503: {
          description: 'Not ready, or stopping',
          content: { 'application/json': { schema: { anyOf: [ref('Ready'), ref('Error')] } } },
        },
        ...errors(400),
      },
    },
  },
  '/metrics': {
    get: {
      summary: 'Metrics in the text format of Prometheus',
      responses: {
        200: { description: 'Metrics', content: { 'text/plain': { schema: { type: 'string' } } } },
        ...errors(400, 500, 503),
      },
    },
  },
  '/openapi.json': { get: { ...simple('This document', undefined) } },
}

function command(summary: string, body: string, done: string, parameters: readonly unknown[]): Operation {
  const responses = { 200: answer('Done', done), ...errors(400, 412, ...write) }
  return { summary, parameters, requestBody: jsonBody(body), responses }
}

function simple(summary: string, schema: string | undefined): Operation {
  const content = { 'application/json': { schema: schema === undefined ? { type: 'object' } : ref(schema) } }
  return { summary, responses: { 200: { description: summary, content }, ...errors(400, 503) } }
}

function answer(description: string, schema: string): object {
  return { description, content: { 'application/json': { schema: ref(schema) } } }
}

function errors(...statuses: readonly number[]): object {
  return Object.fromEntries([...statuses].map((status) => [status, { $ref: `#/components/responses/Error${status}` }]))
}

function jsonBody(schema: string): object {
  return { required: true, content: { 'application/json': { schema: ref(schema) } } }
}

function sessionId(): object {
  return { name: 'id', in: 'path', required: true, schema: { type: 'string', pattern: '^[0-9]+$' } }
}

function query(name: string, schema: Schema, description: string): object {
  return { name, in: 'query', schema, description }
}

function required(parameter: object): object {
  return { ...parameter, required: true }
}

function header(name: string, schema: Schema, description: string): object {
  return { name, in: 'header', schema, description }
}
