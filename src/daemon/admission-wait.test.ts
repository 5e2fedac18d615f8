import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import { PaxosError } from '../base/error.ts'
import { waitForAdmission } from './admission-wait.ts'
import { loadNodeConfig } from './config.ts'
import type { NodeConfig } from './config-table.ts'
import { createLogger } from './logger.ts'

async function listening(t: TestContext): Promise<{ readonly server: Server; readonly address: string }> {
  const server = createServer((socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => void server.close())
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function configOf(settings: Record<string, string>): NodeConfig {
  const rest = { name: 'n4', dataDir: 'data', listenClient: '127.0.0.1:0', listenPeer: '127.0.0.1:0', insecure: 'true' }
  return loadNodeConfig({ settings: { ...rest, ...settings }, set: [], file: undefined }, {}, import.meta.dirname)
}

test('a cluster that does not answer is warned of, with the reason, and not every second', async (t) => {
  const { server, address } = await listening(t)
  server.close()
  const lines: Record<string, unknown>[] = []
  const stop = Promise.withResolvers<void>()
  let asked = 0
  const answering = await listening(t)
  answering.server.on('connection', () => {
    if (++asked === 2) stop.resolve()
  })
  const sink = { write: (line: string) => lines.push(JSON.parse(line)) }
  const { logger } = createLogger({ node: 'n4', level: 'warn', format: 'json', sink })
  const config = configOf({ join: `${address},${answering.address}` })
  assert.equal(await waitForAdmission(config, '1', logger, stop.promise), undefined)
  const warned = lines.filter((line) => line['address'] === address)
  assert.deepEqual(
    warned.map(({ level, reason, msg }) => [level, reason, msg]),
    [['warn', 'ECONNREFUSED', 'no member answers at an address of --join']],
  )
})

test('a client port that is taken is found before the cluster is asked', async (t) => {
  const { address } = await listening(t)
  const { logger } = createLogger({ node: 'n4', level: 'info', format: 'json', sink: { write: () => assert.fail() } })
  await assert.rejects(
    waitForAdmission(configOf({ join: '127.0.0.1:9', listenClient: address }), '1', logger, new Promise(() => {})),
    (error: unknown) => error instanceof PaxosError && error.code === 'PORT_IN_USE' && error.message.includes(address),
  )
})
