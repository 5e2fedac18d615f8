import { open } from 'node:fs/promises'
import { release } from 'node:os'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { PaxosError } from '../../base/error.ts'
import { type TarFile, tarOf } from './tar.ts'

/** The archive: everything below one directory, with a page on what it is. */
export async function archiveOf(
  files: readonly TarFile[],
  about: { readonly version: string; readonly clusterId: string | null; readonly missing: readonly string[] },
  nowMs: number,
): Promise<Buffer> {
  const time = new Date(nowMs).toISOString()
  const folder = `paxos-bundle-${time.replace(/[:.]/g, '-')}`
  const page = [
    `Made by \`paxos debug bundle\` ${about.version} at ${time}, on ${process.platform} ${release()}, Node ${process.version}.`,
    `Cluster ${about.clusterId ?? 'unknown'}. No keys and no values are in it, and secrets of configurations are hidden.`,
    'It has names, addresses and log lines: look through it before you hand it on.',
    '',
    about.missing.length === 0 ? 'Nothing is missing.' : 'Missing:',
    ...about.missing.map((line) => `  ${line}`),
    '',
  ].join('\n')
  const all = [{ name: 'ABOUT.txt', bytes: Buffer.from(page) }, ...files]
  const placed = all.map(({ name, bytes }) => ({ name: `${folder}/${name}`, bytes }))
  return await promisify(gzip)(tarOf(placed, nowMs))
}

/** A new file for its owner only, or stdout for `-`. Throws PaxosError PRECONDITION_FAILED when the file is there. */
export async function writeArchive(path: string, archive: Buffer): Promise<void> {
  if (path === '-') {
    await new Promise<void>((resolve) => process.stdout.write(archive, () => resolve()))
    return
  }
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(archive)
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') throw existsAlready(path)
    throw new PaxosError('USAGE', `Cannot write ${path}: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
}

export function existsAlready(path: string): PaxosError {
  return new PaxosError('PRECONDITION_FAILED', `${path} is there already`, { hint: 'Give a name that is free.' })
}
