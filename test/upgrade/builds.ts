import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { auditLevel, featureLevels } from '../../src/protocol/feature-level.ts'
import { requireBuild } from '../cli/paxos.ts'

const version = String(JSON.parse(readFileSync('package.json', 'utf8')).version)

/** An installed package: everything that runs, and no sources. */
export interface Build {
  readonly root: string
  readonly version: string
  readonly levelMax: number
}

export function thisBuild(root: string): Build {
  install(root)
  return { root, version, levelMax: featureLevels.max }
}

/** The same program as the release after this one would be: a version of its own, which understands one level more. */
export function nextBuild(root: string): Build {
  install(root)
  const next = { root, version: '99.0.0', levelMax: featureLevels.max + 1 }
  const text = `max: ${featureLevels.max} }`
  replaceOnce(join(root, 'dist', 'protocol', 'feature-level.js'), text, `max: ${next.levelMax} }`)
  for (const file of ['package.json', 'oclif.manifest.json']) {
    replaceOnce(join(root, file), `"version": "${version}"`, `"version": "${next.version}"`)
  }
  return next
}

/** The program as it was before requests had origins: it cannot read one that has. */
export function buildWithoutOrigins(root: string): Build {
  install(root)
  const levelMax = auditLevel - 1
  const level = join(root, 'dist', 'protocol', 'feature-level.js')
  replaceOnce(level, `max: ${featureLevels.max} }`, `max: ${levelMax} }`)
  replaceOnce(join(root, 'dist', 'machine', 'command-codec.js'), 'flags > 7', 'flags > 3')
  return { root, version, levelMax }
}

/** Replaces what is installed at `at` in one step, as a package manager does. */
export function installOver(at: string, build: Build): void {
  const old = `${at}.old`
  cpSync(build.root, `${at}.new`, { recursive: true, verbatimSymlinks: true })
  renameSync(at, old)
  renameSync(`${at}.new`, at)
  rmSync(old, { recursive: true })
}

export function programOf(root: string): string {
  return join(root, 'bin', 'run.js')
}

function install(root: string): void {
  requireBuild()
  mkdirSync(root, { recursive: true })
  for (const name of ['bin', 'config', 'dist', 'package.json', 'oclif.manifest.json']) {
    cpSync(name, join(root, name), { recursive: true })
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(root, 'node_modules'))
}

function replaceOnce(file: string, find: string, replacement: string): void {
  const parts = readFileSync(file, 'utf8').split(find)
  assert.equal(parts.length, 2, `"${find}" in ${file}`)
  writeFileSync(file, parts.join(replacement))
}
