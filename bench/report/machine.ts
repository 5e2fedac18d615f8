import { execFileSync } from 'node:child_process'
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { versionOf } from '../side-by-side/program.ts'
import { median } from '../statistics.ts'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly fileSystem: string
  /** Median of one write of 4 KiB and its fdatasync, where the data goes. */
  readonly flushMs: number
  readonly node: string
  readonly etcd: string | undefined
  readonly h2load: string | undefined
}

export interface Run {
  readonly at: string
  /** Of this repository; with a plus when there were changes that are not committed. */
  readonly commit: string
  readonly machine: Machine
}

export function describeRun(directory: string): Run {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim()
  const isChanged = git('status', '--porcelain', '--untracked-files=no') !== ''
  return {
    at: new Date().toISOString().slice(0, 16).replace('T', ' '),
    commit: git('rev-parse', '--short', 'HEAD') + (isChanged ? '+' : ''),
    machine: {
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      fileSystem: execFileSync('stat', ['-f', '-c', '%T', directory], { encoding: 'utf8' }).trim(),
      flushMs: Math.round(flushMs(directory) * 1000) / 1000,
      node: process.version,
      etcd: versionOf('etcd')?.replace('etcd Version: ', ''),
      h2load: versionOf('h2load')?.replace('h2load ', ''),
    },
  }
}

function flushMs(directory: string): number {
  const path = join(directory, 'flush')
  const file = openSync(path, 'w')
  const page = Buffer.alloc(4096, 1)
  const times = Array.from({ length: 200 }, () => {
    const began = performance.now()
    writeSync(file, page, 0, page.length, 0)
    fdatasyncSync(file)
    return performance.now() - began
  })
  closeSync(file)
  rmSync(path)
  return median(times)
}
