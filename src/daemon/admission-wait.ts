/**
 * How a new node gets into a running cluster. It listens on its peer port, where the leader looks it up before it lets it in
 * (`joiner-probe.ts`), and asks the nodes that it was given for the newest epoch until it finds itself in it. Nothing is written
 * into its directory before that, so it may be stopped and started again at any time.
 */
import { createServer, type Server } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { PaxosError } from '../base/error.ts'
import type { Epoch } from '../protocol/epoch.ts'
import { featureHint, featureLevels, featureProblem } from '../protocol/feature-level.ts'
import { toEpoch } from '../wire/epoch-json.ts'
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

/** Undefined when `stopped` settles first. Throws PaxosError PORT_IN_USE, BAD_CONFIG, WRONG_VERSION. */
export async function waitForAdmission(
  config: NodeConfig,
  version: string,
  logger: Logger,
  stopped: Promise<unknown>,
): Promise<Admitted | undefined> {
  await checkClientPort(config)
  const gatedLog = new GatedLog(logger, () => performance.now())
  const listener = await listen(config, { waiting: true, name: config.name, version, featureLevels })
  const abort = new AbortController()
  stopped.then(
    () => abort.abort(),
    () => abort.abort(),
  )
  try {
    const peerAddress = config.advertisePeer ?? config.listenPeer
    const hint = `paxos member add ${config.name} --address ${peerAddress}`
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
    await close(listener)
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

/** The cluster must not count on a node that then cannot start. */
async function checkClientPort({ listenClient }: NodeConfig): Promise<void> {
  const { host, port } = parseAddress(listenClient) ?? { host: '', port: 0 }
  const server = createServer()
  await listenOnPort(server, host, port)
  await close(server)
}

async function listen({ listenPeer }: NodeConfig, joiner: JoinerJson): Promise<Server> {
  const { host, port } = parseAddress(listenPeer) ?? { host: '', port: 0 }
  const body = JSON.stringify(joiner)
  const server = createServer(
    { headersTimeout: answerWithinMs, requestTimeout: answerWithinMs },
    (request, response) => {
      const isProbe = request.method === 'GET' && request.url === joinPath
      const headers = { Connection: 'close', 'Content-Type': 'application/json' }
      response.writeHead(isProbe ? 200 : 404, headers).end(isProbe ? body : '{}')
    },
  )
  server.maxConnections = 64
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
