import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { defaultLoaders } from 'cosmiconfig'
import { deriveCluster } from '../../src/daemon/cluster-identity.ts'
import { loadNodeConfig } from '../../src/daemon/config.ts'
import { parseAddress } from '../../src/daemon/config-setting.ts'
import { nodeSettings } from '../../src/daemon/config-table.ts'
import { quorumMargins } from '../../src/protocol/quorum.ts'
import { startNode } from '../api/node-fixture.ts'
import { flagsOf } from './command-flags.ts'

// biome-ignore lint/suspicious/noExplicitAny: the objects of Kubernetes, asserted on field by field.
type Manifest = any

const file = 'deploy/kubernetes/paxos.yaml'
const objects: readonly Manifest[] = readFileSync(file, 'utf8')
  .split(/^---$/m)
  .map((text) => defaultLoaders['.yaml'](file, text))
const folder = mkdtempSync(join(tmpdir(), 'paxos-kubernetes-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function object(kind: string, name = 'paxos'): Manifest {
  const found = objects.find((each) => each.kind === kind && each.metadata.name === name)
  assert.ok(found !== undefined, `${kind} ${name} is missing`)
  return found
}

const set = object('StatefulSet')
const pod = set.spec.template.spec
const [container] = pod.containers
const labels = set.spec.template.metadata.labels
const clientPort = parseAddress(nodeSettings.listenClient.fallback ?? '')?.port
const peerPort = parseAddress(nodeSettings.listenPeer.fallback ?? '')?.port

/** The configuration that the pod gets. */
function configOf(name: string): ReturnType<typeof loadNodeConfig> {
  const path = join(folder, 'paxos.yaml')
  writeFileSync(path, object('ConfigMap').data['paxos.yaml'])
  const env = Object.fromEntries(
    container.env.map((variable: { name: string; value?: string }) => [
      variable.name,
      variable.value?.replace('$(PAXOS_NAME)', name) ?? name,
    ]),
  )
  return loadNodeConfig({ settings: {}, set: [], file: path }, env, folder)
}

test('every object says what it is, and none is there twice', () => {
  const names = objects.map(({ apiVersion, kind, metadata }) => {
    assert.match(apiVersion, /^(v1|[a-z.0-9]+\/v1)$/)
    assert.deepEqual(metadata.labels, labels)
    return `${kind} ${metadata.name}`
  })
  assert.deepEqual(names.sort(), [
    'ConfigMap paxos',
    'NetworkPolicy paxos',
    'PodDisruptionBudget paxos',
    'Service paxos',
    'Service paxos-peers',
    'StatefulSet paxos',
  ])
})

test('all pods start on the same configuration, and are one cluster', () => {
  const { replicas } = set.spec
  const names = Array.from({ length: replicas }, (_, at) => `${set.metadata.name}-${at}`)
  const configs = names.map(configOf)
  assert.deepEqual(
    configs[0]?.bootstrapMembers,
    names.map((name) => ({ name, peerAddress: `${name}.${set.spec.serviceName}:${peerPort}` })),
  )
  assert.equal(new Set(configs.map((config) => deriveCluster(config).clusterId)).size, 1)
  for (const [at, config] of configs.entries()) {
    assert.equal(config.name, names[at])
    assert.equal(config.advertiseClient, `${names[at]}.${set.spec.serviceName}:${clientPort}`)
    assert.deepEqual(
      [parseAddress(config.listenClient)?.port, parseAddress(config.listenPeer)?.port],
      [clientPort, peerPort],
    )
  }
  const args: readonly string[] = container.args
  assert.deepEqual(args.slice(0, 2), ['node', 'start'])
  for (const flag of args.filter((arg) => arg.startsWith('--'))) assert.ok(flagsOf('node:start').has(flag.slice(2)))
  const mounts = new Map(container.volumeMounts.map((mount: Manifest) => [mount.name, mount.mountPath]))
  assert.ok(
    configs[0]?.dataDir.startsWith(`${mounts.get('data')}/`),
    'below the mount, where it makes its own directory',
  )
  assert.ok(args.includes(`${mounts.get('config')}/paxos.yaml`))
})

test('as many pods may be taken away as the quorums can spare', () => {
  const { epoch } = deriveCluster(configOf('paxos-0'))
  const { electionFailures, choiceFailures } = quorumMargins({ n: epoch.members.length, q1: epoch.q1, q2: epoch.q2 })
  const budget = object('PodDisruptionBudget').spec
  assert.equal(budget.maxUnavailable, Math.min(electionFailures, choiceFailures))
  assert.deepEqual(budget.selector.matchLabels, labels)
})

test('ports are those of a node and lead to it', () => {
  const ports = new Map(container.ports.map((port: Manifest) => [port.name, port.containerPort]))
  assert.deepEqual(
    [...ports],
    [
      ['client', clientPort],
      ['peer', peerPort],
    ],
  )
  for (const name of ['paxos', set.spec.serviceName]) {
    const { selector, ports: served } = object('Service', name).spec
    assert.deepEqual(selector, labels)
    for (const port of served) assert.deepEqual(ports.get(port.targetPort), port.port)
  }
  const allowed = object('NetworkPolicy').spec.ingress.flatMap((rule: Manifest) => rule.ports)
  assert.deepEqual(
    allowed.map((port: Manifest) => port.port),
    [peerPort, clientPort],
  )
})

test('probes ask paths that a node serves', async (t) => {
  const node = await startNode(t)
  const asked = (probe: string): string => {
    assert.equal(container[probe].httpGet.port, 'client')
    return container[probe].httpGet.path
  }
  assert.deepEqual(['startupProbe', 'livenessProbe', 'readinessProbe'].map(asked), ['/livez', '/livez', '/readyz'])
  for (const path of ['/livez', '/readyz']) assert.equal((await node.call('GET', path)).status, 200)
  // Without a leader the pod is taken out of the service, and not restarted.
  node.replica.notReady = 'no leader is known'
  assert.equal((await node.call('GET', asked('readinessProbe'))).status, 503)
  assert.equal((await node.call('GET', asked('livenessProbe'))).status, 200)
})

test('members find each other before any is ready, and start together', () => {
  const peers = object('Service', set.spec.serviceName).spec
  assert.equal(peers.clusterIP, 'None')
  assert.equal(peers.publishNotReadyAddresses, true)
  assert.equal(set.spec.podManagementPolicy, 'Parallel')
  assert.equal(pod.enableServiceLinks, false)
})

test('the pod has no rights, and what it keeps outlives it', () => {
  assert.equal(pod.securityContext.runAsNonRoot, true)
  assert.match(readFileSync('deploy/Dockerfile', 'utf8'), new RegExp(`^USER ${pod.securityContext.runAsUser}:`, 'm'))
  assert.equal(pod.securityContext.fsGroupChangePolicy, 'OnRootMismatch')
  assert.deepEqual(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  assert.equal(pod.automountServiceAccountToken, false)
  assert.deepEqual(set.spec.persistentVolumeClaimRetentionPolicy, { whenDeleted: 'Retain', whenScaled: 'Retain' })
  // As in the systemd unit: five seconds for open requests, ten for the last commit.
  assert.ok(pod.terminationGracePeriodSeconds > 15)
})

test('the image is the version of the package', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  assert.equal(container.image, `paxos:${version}`)
})
