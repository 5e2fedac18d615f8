// `npm start` on a fresh clone: installs what is missing, builds if stale, and runs the development cluster.
// Runs on any Node from 20 up, without dependencies, because nothing is installed yet.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function main() {
  requireNode20()
  if (!isInstalled()) {
    console.error('Installing dependencies (npm ci) …')
    // Dependencies that want the Node that is installed with them would each be warned about.
    exitOnFailure(npm(['ci', '--loglevel=error']), 'npm ci failed. The messages above say why.')
  }
  const node = pinnedNode()
  exitOnFailure(
    spawnSync(node, [join('scripts', 'build.js')], { cwd: root, stdio: 'inherit' }),
    'The build failed. The messages above say why.',
  )
  run(node, [join(root, 'bin', 'run.js'), 'dev', ...process.argv.slice(2)])
}

function requireNode20() {
  if (Number(process.versions.node.split('.')[0]) >= 20) return
  console.error(`Node 20 or newer is needed to install this project; this is ${process.version}.`)
  process.exit(2)
}

/** Compares what npm says it installed with the lock, so that neither file times nor a half-done install mislead. */
function isInstalled() {
  const installedFile = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(installedFile)) return false
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.optional || entry.devOptional || entry.peer) return true
    return installed[path]?.version === entry.version && existsSync(join(root, path))
  })
}

function npm(args) {
  const cli = process.env.npm_execpath
  const options = { cwd: root, stdio: ['ignore', 2, 2] }
  if (cli?.endsWith('.js')) return spawnSync(process.execPath, [cli, ...args], options)
  return spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
}

/** The Node that the lock pins, whatever Node runs this script. */
function pinnedNode() {
  const node = join(root, 'node_modules', '.bin', 'node')
  if (spawnSync(node, ['--version'], { encoding: 'utf8' }).status === 0) return node
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  console.error(
    'The pinned Node 24 in node_modules did not install (install scripts may be switched off).\n' +
      'Allow them with `npm ci --ignore-scripts=false`, or run `npm start` with Node 24 or newer.',
  )
  process.exit(2)
}

function exitOnFailure(result, message) {
  if (result.status === 0) return
  console.error(result.error === undefined ? message : `${message}\n${result.error.message}`)
  process.exit(result.status || 1)
}

function run(node, args) {
  const child = spawn(node, args, { cwd: process.cwd(), stdio: 'inherit' })
  // A Ctrl-C reaches the whole process group; `dev` takes repeated signals within a second for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`Cannot run ${node}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]))
}

main()
