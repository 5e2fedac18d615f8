// Compiles src/ to dist/ when something changed since the last build, and says nothing when nothing did.
// The stamp is a hash of contents, not of times: a fresh checkout has new times and a copied tree has none to trust.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
const stampFile = join(dist, '.build-stamp')

export function sourceFiles() {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join('src', name))
    .sort()
}

export function sourceStamp() {
  const hash = createHash('sha256')
  for (const name of [...sourceFiles(), 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']) {
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(root, name)))
      .update('\0')
  }
  return hash.digest('hex')
}

export function isFresh(stamp = sourceStamp()) {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp
}

/** Returns tsc's exit status; 0 when there was nothing to do. */
export function build() {
  const stamp = sourceStamp()
  if (isFresh(stamp)) return 0
  // Without the stamp, a build that fails half-way is seen as stale next time.
  rmSync(stampFile, { force: true })
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const run = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
  if (run.status !== 0) return run.status ?? 1
  removeOrphans()
  mkdirSync(dist, { recursive: true })
  writeFileSync(stampFile, stamp)
  return 0
}

/** Removes what an earlier build left of sources that are gone: a deleted command must not stay a command. */
function removeOrphans() {
  const wanted = new Set(sourceFiles().map((name) => relative('src', name).replace(/\.ts$/, '')))
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    if (!wanted.has(relative(dist, path).replace(/(\.d)?\.(js|ts)$/, ''))) rmSync(path)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = build()
