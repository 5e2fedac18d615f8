import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'

/** What a layer may import: other layers, or single files of them. Every file may import from its own layer. */
const layers: Readonly<Record<string, readonly string[]>> = {
  base: [],
  protocol: ['base'],
  machine: ['base', 'protocol'],
  runtime: ['base', 'protocol', 'machine'],
  wire: ['base', 'protocol', 'machine', 'runtime/peer-message.ts'],
  sim: ['base', 'protocol', 'machine', 'runtime', 'wire'],
  daemon: ['base', 'protocol', 'machine', 'runtime', 'wire'],
  client: ['base', 'protocol/ids.ts', 'machine', 'wire'],
  cli: ['base', 'client', 'machine/request.ts', 'wire/api-types.ts', 'wire/audit-types.ts'],
  commands: ['base', 'client', 'cli', 'wire/api-types.ts', 'wire/audit-types.ts'],
}

/** The few places where the command line reaches deeper: it starts a node, reads a stopped one's data, explains quorums. */
const exceptions: Readonly<Record<string, readonly string[]>> = {
  'cli/run-node.ts': ['daemon'],
  'cli/increment-log.ts': [
    ...['daemon/backup/backup-file.ts', 'daemon/api/log-line.ts', 'wire/increment-codec.ts'],
    ...['protocol/ids.ts', 'runtime/replica-service.ts'],
  ],
  'cli/open-logs.ts': ['daemon/store', 'protocol'],
  'cli/stopped-log.ts': ['daemon/store', 'daemon/api/log-line.ts', 'protocol', 'runtime/replica-service.ts'],
  'cli/audit/write-note.ts': ['protocol/origin.ts'],
  'cli/audit/stopped-audit.ts': [
    'daemon/store',
    'daemon/api/audit-json.ts',
    'daemon/api/no-trail.ts',
    'machine',
    'protocol',
    'runtime/overlay.ts',
  ],
  'cli/doctor/examine-directory.ts': [
    ...['daemon/store', 'daemon/config-table.ts'],
    ...['machine/records.ts', 'protocol/ids.ts'],
  ],
  'cli/quorum/bridging-sizes.ts': ['protocol/quorum.ts'],
  'cli/quorum/explanation.ts': ['protocol/quorum.ts'],
  'cli/quorum/nearest-sizes.ts': ['protocol/quorum.ts'],
  'cli/quorum/choices.ts': ['protocol/quorum.ts'],
  'cli/backup/backup-output.ts': ['daemon/backup/partial-file.ts', 'wire/backup-codec.ts'],
  'cli/backup/backup-base.ts': ['daemon/backup'],
  'cli/backup/chain-view.ts': ['daemon/backup/backup-chain.ts'],
  'cli/backup/create-backup.ts': ['daemon/backup/backup-reader.ts', 'wire'],
  'cli/backup/manifest-view.ts': ['wire/backup-manifest.ts', 'wire/increment-manifest.ts'],
  'cli/backup/member-configs.ts': ['daemon/config.ts', 'daemon/config-table.ts'],
  'cli/backup/rehearsed-output.ts': ['daemon/store/file-system-space.ts'],
  'cli/backup/restore-source.ts': ['daemon/backup', 'machine/restored.ts'],
  'cli/backup/restore-view.ts': ['daemon/backup/restore.ts'],
  'cli/backup/scratch-directory.ts': ['daemon/store/directory-lock.ts'],
  'cli/backup/scratch-node.ts': ['daemon', 'machine', 'wire/backup-codec.ts'],
  'cli/backup/verify-backup.ts': ['daemon/backup'],
  'commands/backup/inspect.ts': ['daemon/backup'],
  'commands/restore.ts': ['daemon/backup/restore.ts', 'daemon/backup/restore-point.ts'],
  'cli/stopped-gaps.ts': ['daemon/store', 'daemon/api/gaps-json.ts', 'protocol'],
  'cli/stopped-keys.ts': ['daemon/store', 'machine'],
  'cli/stopped-node.ts': ['daemon/store', 'machine', 'protocol', 'wire'],
  'cli/recover/survivors.ts': ['daemon/recovery', 'protocol/recovery/survivor.ts', 'wire/survivor-json.ts'],
  'cli/recover/recovery-json.ts': ['daemon/api/log-line.ts', 'protocol'],
  'cli/recover/make-plan.ts': ['daemon/recovery', 'daemon/store/durable-file.ts', 'machine/restored.ts', 'protocol'],
  'cli/recover/apply-plan.ts': ['daemon/recovery'],
  'cli/recover/plan-loss.ts': ['daemon/recovery/plan-file.ts'],
  'cli/recover/verify-recovery.ts': ['daemon/recovery/plan-file.ts'],
  'cli/space/content-count.ts': ['machine/prefix-tally.ts'],
  'cli/space/stopped-space.ts': [
    'daemon/store',
    'daemon/space',
    'daemon/config-table.ts',
    'machine',
    'protocol/ids.ts',
  ],
  'cli/stopped-chain.ts': ['daemon/store', 'machine'],
  'cli/upgrade/preflight.ts': ['protocol/feature-level.ts'],
  'cli/dev/directory.ts': ['daemon/store/directory-lock.ts'],
  'commands/node/start.ts': ['daemon/config-table.ts', 'daemon/config-document.ts'],
  'cli/sim/worker.ts': ['sim'],
  'cli/sim/seed-runner.ts': ['sim'],
  'cli/sim/summary.ts': ['sim'],
  'commands/sim.ts': ['sim'],
}

/** Packages by layer. The pure layers have none. */
const packages: Readonly<Record<string, readonly string[]>> = {
  wire: ['cbor-x'],
  daemon: ['lmdb', 'pino', 'pino-pretty', 'prom-client', 'cosmiconfig'],
  cli: ['@oclif/core', 'cosmiconfig', 'listr2', 'ora', 'undici'],
  commands: ['@oclif/core'],
}

const pureLayers = new Set(['base', 'protocol', 'machine', 'runtime'])
const banned: readonly (readonly [word: string, pattern: RegExp])[] = [
  ['Date', /\bDate\b/],
  ['Math.random', /\bMath\.random\b/],
  ['async', /\basync\b/],
  ['await', /\bawait\b/],
  ['Promise', /\bPromise\b/],
  ['timers', /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/],
  ['process', /\bprocess\./],
  ['console', /\bconsole\./],
  ['performance', /\bperformance\./],
]

/** Files that something other than a source file starts from. */
const entryPoints: readonly RegExp[] = [
  /^commands\//,
  /^client\/client\.ts$/,
  /^client\/admin\.ts$/,
  /^cli\/not-found\.ts$/,
  /^cli\/sim\/worker\.ts$/,
]

interface SourceFile {
  readonly path: string
  readonly layer: string
  readonly text: string
  readonly code: string
  readonly imports: readonly string[]
}

const all = ['src', 'test', 'bench', 'scripts', 'bin'].flatMap(listCode)
const files: readonly SourceFile[] = listCode('src').map((path) => {
  const text = readFileSync(join('src', path.slice(4)), 'utf8')
  const code = withoutComments(text)
  const name = path.slice(4)
  return { path: name, layer: name.split('/')[0] ?? '', text, code, imports: importsOf(code) }
})
const sources = files.filter((file) => !file.path.endsWith('.test.ts'))

test('every source file belongs to a layer', () => {
  assert.deepEqual(
    report(sources, (file) => (Object.hasOwn(layers, file.layer) ? [] : ['unknown layer'])),
    [],
  )
})

test('imports point downwards only', () => {
  assert.deepEqual(report(sources, wrongImports), [])
})

test('the layer check notices an import that points upwards', () => {
  const file: SourceFile = {
    path: 'base/a.ts',
    layer: 'base',
    text: '',
    code: '',
    imports: ['../daemon/node.ts', 'pino'],
  }
  assert.equal(wrongImports(file).length, 2)
})

test('the pure layers have no clock, randomness, asynchrony or process', () => {
  const pure = sources.filter((file) => pureLayers.has(file.layer))
  const problems = report(pure, (file) =>
    banned.filter(([, pattern]) => pattern.test(withoutStrings(file.code))).map(([word]) => word),
  )
  assert.deepEqual(problems, [])
})

test('no assertion puts its message together before it fails', () => {
  assert.deepEqual(assertionsOf('assert(is(a), `not (a)`)\nassert(b, "b")\nreturn `b`'), [
    '(is(a), `not (a)`)',
    '(b, "b")',
  ])
  const eager = report(sources, ({ code }) => assertionsOf(code).filter((call) => call.includes('`')))
  assert.deepEqual(eager, [])
})

test('no file is longer than 500 lines', () => {
  const long = all.filter((path) => readFileSync(path, 'utf8').split('\n').length > 501)
  assert.deepEqual(long, [])
})

test('no file only passes on what others export', () => {
  const barrels = sources.filter((file) => {
    const statements = file.code.split('\n').filter((line) => line.trim() !== '')
    return statements.length > 0 && statements.every((line) => /^\s*(export\b.*\bfrom\b|import\b)/.test(line))
  })
  assert.deepEqual(
    barrels.map((file) => file.path),
    [],
  )
})

test('nothing is left to do later without an issue', () => {
  const marks = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|X{3})\\b(?! ?\\(?#\\d)`)
  assert.deepEqual(
    all.filter((path) => marks.test(readFileSync(path, 'utf8'))),
    [],
  )
})

test('no source file is dead', () => {
  const importsIn = (folders: readonly string[], keep: (path: string) => boolean): string[] =>
    folders
      .flatMap(listCode)
      .filter(keep)
      .flatMap((path) => {
        const imports = importsOf(withoutComments(readFileSync(path, 'utf8'))).filter(isRelative)
        return imports.map((to) => resolve(path, to).replace(/^src\//, ''))
      })
  const isTest = (path: string): boolean => path.startsWith('test/') || path.endsWith('.test.ts')
  const used = new Set(importsIn(['src', 'scripts', 'bench'], (path) => !isTest(path)))
  const usedByTests = new Set(importsIn(['src', 'test'], isTest))
  const dead = sources.filter((file) => {
    if (used.has(file.path) || entryPoints.some((pattern) => pattern.test(file.path))) return false
    // The simulator is there for tests; anything else that only tests use is dead.
    return !(file.layer === 'sim' && usedByTests.has(file.path))
  })
  assert.deepEqual(
    dead.map((file) => (usedByTests.has(file.path) ? `${file.path} (used by tests only)` : file.path)),
    [],
  )
})

test('every file in commands is a command, and only commands export a default', () => {
  const problems = report(sources, (file) => {
    const isCommand = /^export default class \w+ extends \w+/m.test(file.code)
    if (file.layer === 'commands') return isCommand ? [] : ['not a command']
    return /^export default\b/m.test(file.code) && file.path !== 'cli/not-found.ts' ? ['default export'] : []
  })
  assert.deepEqual(problems, [])
  assert.deepEqual(
    files.filter((file) => file.layer === 'commands' && file.path.endsWith('.test.ts')),
    [],
  )
})

function wrongImports(file: SourceFile): string[] {
  const allowed = [...(layers[file.layer] ?? []), ...(exceptions[file.path] ?? [])]
  const allowedPackages = packages[file.layer] ?? []
  return file.imports.flatMap((to) => {
    if (!isRelative(to)) {
      if (to.startsWith('node:')) return pureLayers.has(file.layer) ? [to] : []
      return allowedPackages.includes(packageName(to)) ? [] : [to]
    }
    const target = resolve(file.path, to)
    if (target.split('/')[0] === file.layer) return []
    return allowed.some((prefix) => target === prefix || target.startsWith(`${prefix}/`)) ? [] : [to]
  })
}

function report(of: readonly SourceFile[], problemsOf: (file: SourceFile) => readonly string[]): string[] {
  return of.flatMap((file) => problemsOf(file).map((problem) => `${file.path}: ${problem}`))
}

function listCode(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|js)$/.test(name))
      .map((name) => `${folder}/${name}`)
      .sort()
  } catch {
    return []
  }
}

function importsOf(code: string): string[] {
  const found = code.matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|^\s*import\s+)'([^']+)'/gm)
  return [...found].map((match) => match[1] ?? '')
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1')
}

function withoutStrings(code: string): string {
  return code.replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
}

/** What each assertion is given, in its parentheses. */
function assertionsOf(code: string): string[] {
  return [...code.matchAll(/(?<![\w.])assert(?=\()/g)].map(({ index }) => {
    const from = index + 'assert'.length
    let depth = 0
    for (let at = from; at < code.length; at++) {
      if (code[at] === '(') depth++
      if (code[at] === ')') depth--
      if (depth === 0) return code.slice(from, at + 1)
    }
    return code.slice(from)
  })
}

function isRelative(to: string): boolean {
  return to.startsWith('.')
}

function resolve(from: string, to: string): string {
  return normalize(join(dirname(from), to))
}

function packageName(to: string): string {
  return to
    .split('/')
    .slice(0, to.startsWith('@') ? 2 : 1)
    .join('/')
}
