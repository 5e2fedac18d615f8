/**
 * How a new node gets into a running cluster. It listens on its peer port, where the leader looks it up before it lets it in
 * (`joiner-probe.ts`), and asks the nodes that it was given for the newest epoch until it finds itself in it. Nothing is written
 * into its directory before that, so it may be stopped and started again at any time. On its client port it says that it lives and
 * what it waits for: a supervisor must not take it for dead.
 */
import { createServer, type Server } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { PaxosError } from '../base/error.ts'
import type { Epoch } from '../protocol/epoch.ts'
import { featureHint, featureLevels, featureProblem } from '../protocol/feature-level.ts'
import type { ReadyJson } from '../wire/api-types.ts'
import { toEpoch } from '../wire/epoch-json.ts'
import { errorBody } from './api/errors.ts'
import { listenOnPort } from './api/listen.ts'
import { askJson, type JsonAnswer } from './ask-json.ts'
import { parseAddress } from './config-setting.ts'
import type { NodeConfig } from './config-table.ts'
import { type JoinerJson, joinPath } from './joiner-probe.ts'
import type { Logger } from './logger.ts'
import { GatedLog } from './net/gated-log.ts'
import { listenError } from './net/listen-error.ts'

export interface Admitted {
  readonly clusterId: string
  /** The newest, with this node as a member. */
  readonly epoch: Epoch
}

const askEveryMs = 1000
const answerWithinMs = 2000
const bounds = { headersTimeout: answerWithinMs, requestTimeout: answerWithinMs }
const headers = { Connection: 'close', 'Content-Type': 'application/json' }
const connectionsMax = 64

/** Undefined when `stopped` settles first. Throws PaxosError PORT_IN_USE, BAD_CONFIG, WRONG_VERSION. */
export async function waitForAdmission(
  config: NodeConfig,
  version: string,
  logger: Logger,
  stopped: Promise<unknown>,
): Promise<Admitted | undefined> {
  const peerAddress = config.advertisePeer ?? config.listenPeer
  const hint = `paxos member add ${config.name} --address ${peerAddress}`
  // The cluster must not count on a node that then cannot start, for want of this port either.
  const clients = await listenForClients(config, hint)
  const gatedLog = new GatedLog(logger, () => performance.now())
  const listener = await listen(config, { waiting: true, name: config.name, version, featureLevels }).catch(
    async (error: unknown) => {
      await close(clients)
      throw error
    },
  )
  const abort = new AbortController()
  stopped.then(
    () => abort.abort(),
    () => abort.abort(),
  )
  try {
    logger.info({ join: config.join.join(','), peer: peerAddress }, `waiting to be let in: ${hint}`)
    while (!abort.signal.aborted) {
      for (const address of config.join) {
        const admitted = await ask(address, config, gatedLog, abort.signal)
        if (admitted !== undefined) return admitted
      }
      await pause(askEveryMs, undefined, { signal: abort.signal }).catch(() => {})
    }
    return undefined
  } finally {
    await Promise.all([close(listener), close(clients)])
  }
}

async function ask(
  address: string,
  { name, advertisePeer, listenPeer }: NodeConfig,
  gatedLog: GatedLog,
  signal: AbortSignal,
): Promise<Admitted | undefined> {
  const found = newestEpoch(await askJson(`http://${address}/v1/epoch`, answerWithinMs, signal))
  if (typeof found === 'string') {
    const fields = { address, reason: found }
    if (!signal.aborted) gatedLog.warn(address, fields, 'no member answers at an address of --join')
    return undefined
  }
  gatedLog.forget(address)
  const { clusterId, epoch } = found
  const self = epoch.members.find((member) => member.name === name)
  if (self === undefined) return undefined
  const unable = featureProblem(epoch.featureLevel)
  if (unable !== undefined) throw new PaxosError('WRONG_VERSION', unable, { hint: featureHint(epoch.featureLevel) })
  const peerAddress = advertisePeer ?? listenPeer
  if (self.peerAddress === peerAddress) return { clusterId, epoch }
  throw new PaxosError(
    'BAD_CONFIG',
    `The cluster knows ${name} at ${self.peerAddress}, this node is at ${peerAddress}`,
    {
      hint: `Is ${name} a member that runs elsewhere? Otherwise remove it, and add it with the right address.`,
    },
  )
}

/** Or why there is none. */
function newestEpoch(found: JsonAnswer): Admitted | string {
  if (found.kind === 'silent') return found.reason
  if (found.kind === 'other') return found.what
  if (found.status !== 200) return `it sent HTTP ${found.status}`
  const { clusterId, epochs } = (found.body ?? {}) as { clusterId?: unknown; epochs?: unknown }
  const epoch = Array.isArray(epochs) ? toEpoch(epochs.at(-1)) : undefined
  return typeof clusterId === 'string' && epoch !== undefined ? { clusterId, epoch } : 'it sent no epoch'
}

async function listenForClients({ name, listenClient }: NodeConfig, hint: string): Promise<Server> {
  const { host, port } = parseAddress(listenClient) ?? { host: '', port: 0 }
  const reason = `${name} waits to be let in`
  const ready: ReadyJson = { ready: false, reason }
  const answers = new Map([
    ['/livez', { status: 200, body: '{"live":true}' }],
    ['/readyz', { status: 503, body: JSON.stringify(ready) }],
  ])
  const other = { status: 503, body: errorBody('NO_LEADER', reason, `On the cluster: ${hint}`) }
  const server = createServer(bounds, (request, response) => {
    const { status, body } = answers.get(request.url ?? '') ?? other
    response.writeHead(status, headers).end(body)
  })
  server.maxConnections = connectionsMax
  await listenOnPort(server, host, port)
  return server
}

async function listen({ listenPeer }: NodeConfig, joiner: JoinerJson): Promise<Server> {
  const { host, port } = parseAddress(listenPeer) ?? { host: '', port: 0 }
  const body = JSON.stringify(joiner)
  const server = createServer(bounds, (request, response) => {
    const isProbe = request.method === 'GET' && request.url === joinPath
    response.writeHead(isProbe ? 200 : 404, headers).end(isProbe ? body : '{}')
  })
  server.maxConnections = connectionsMax
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(host, port, error)))
    server.listen({ host, port }, resolve)
  })
  return server
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
