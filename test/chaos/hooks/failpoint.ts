/**
 * Loaded with `--import …/failpoint.ts?name=N&pass=K` into a node that is to be killed when it passes the failpoint N for
 * the K-th time. The last thing that the process says is that it came so far.
 */
import { writeSync } from 'node:fs'
import { findFailpoint, reachName } from '../failpoints.ts'
import { plantOnLoad } from './plant-on-load.ts'

const asked = new URL(import.meta.url).searchParams
const { name, patch } = findFailpoint(asked.get('name') ?? '')
let left = Number(asked.get('pass'))

Reflect.set(globalThis, reachName, () => {
  if (--left > 0) return
  // Not through the stream, which could still hold it when the process is gone.
  writeSync(process.stderr.fd, `failpoint ${name} reached\n`)
  process.kill(process.pid, 'SIGKILL')
})
plantOnLoad([patch])
