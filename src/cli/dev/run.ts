import { relative } from 'node:path'
import { PaxosError } from '../../base/error.ts'
import { isLive, paint } from '../output.ts'
import { runSteps, type Step } from '../steps.ts'
import type { DevCluster } from './cluster.ts'

export interface DevOutput {
  /** Of this package, for the commands to try. */
  readonly root: string
  readonly dataDir: string
  readonly asJson: boolean
}

/** A terminal sends Ctrl-C to the whole group, and npm sends it once more; within this time that is one signal. */
const sameSignalMs = 1000

/** Starts the cluster, tells how to use it, and stays until a signal comes. */
export async function runDev(create: (onAllDead: () => void) => DevCluster, output: DevOutput): Promise<void> {
  let allDead = (): void => {}
  const cluster = create(() => allDead())
  const isStopped = stopOnSignal(cluster)
  try {
    const leader = await startWithSteps(cluster, output)
    announce(cluster, leader, output)
    await Promise.race([
      isStopped.promise,
      new Promise<never>((_, reject) => {
        allDead = () =>
          reject(new PaxosError('UNHEALTHY', 'Every node is dead', { hint: `Their logs are in ${output.dataDir}.` }))
      }),
    ])
    await stopWithSpinner(cluster, output)
  } catch (error) {
    await cluster.stop()
    if (isStopped.asked() && error instanceof PaxosError && error.code === 'STOPPING') return
    throw error
  } finally {
    isStopped.release()
  }
}

function stopOnSignal(cluster: DevCluster): { promise: Promise<void>; asked(): boolean; release(): void } {
  let resolveAsked = (): void => {}
  const promise = new Promise<void>((resolve) => {
    resolveAsked = resolve
  })
  let firstAt: number | undefined
  const onSignal = (): void => {
    const now = performance.now()
    if (firstAt === undefined) {
      firstAt = now
      cluster.interrupt()
      resolveAsked()
    } else if (now - firstAt > sameSignalMs) {
      cluster.kill()
      process.exit(130)
    }
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  return {
    promise,
    asked: () => firstAt !== undefined,
    release: () => {
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}

async function startWithSteps(cluster: DevCluster, { asJson, dataDir }: DevOutput): Promise<string> {
  let leader = ''
  const steps: Step[] = [
    { title: `Open ${dataDir}`, run: async () => void (await cluster.open()) },
    { title: 'Start the nodes', run: () => cluster.start() },
    {
      title: 'Wait until they serve',
      run: async () => {
        leader = await cluster.serve()
      },
    },
  ]
  await runSteps(steps, { silent: asJson })
  return leader
}

function announce(cluster: DevCluster, leader: string, { asJson, dataDir, root }: DevOutput): void {
  const { nodes } = cluster
  if (asJson) {
    process.stdout.write(`${JSON.stringify({ leader, dataDir, nodes })}\n`)
    return
  }
  const first = nodes[0]?.endpoint ?? ''
  const where = first === 'http://127.0.0.1:7601' ? '' : ` --endpoints ${first}`
  const paxos = howToRun(root)
  const lines = [
    '',
    `${nodes.length === 1 ? 'One node serves' : `${nodes.length} nodes serve`}; data and logs are in ${dataDir}. Ctrl-C stops ${nodes.length === 1 ? 'it' : 'them'}.`,
    '',
    ...nodes.map(
      ({ name, endpoint, pid }) => `  ${name}  ${endpoint}  process ${pid}${name === leader ? '  leader' : ''}`,
    ),
    '',
    'Try next, in another terminal:',
    '',
    ...['cluster status', 'kv put greeting hello', 'log inspect --follow'].map(
      (command) => `  ${paint('cyan', `${paxos} ${command}${where}`)}`,
    ),
    '',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** `bin/paxos` in a clone, `paxos` where it is installed. */
function howToRun(root: string): string {
  const entry = process.argv[1] ?? ''
  if (!entry.endsWith('run.js') || root.includes('node_modules')) return 'paxos'
  const path = relative(process.cwd(), root)
  return path === '' ? 'bin/paxos' : `${path}/bin/paxos`
}

async function stopWithSpinner(cluster: DevCluster, { asJson }: DevOutput): Promise<void> {
  if (asJson) return await cluster.stop()
  if (!isLive(process.stderr)) {
    await cluster.stop()
    process.stderr.write('Stopped.\n')
    return
  }
  const { default: ora } = await import('ora')
  const spinner = ora({ text: 'Stopping the nodes', discardStdin: false }).start()
  await cluster.stop()
  spinner.succeed('Stopped')
}
