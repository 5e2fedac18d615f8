/**
 * Loaded with `--import` into a node whose clocks the chaos driver sets. The settings come by a file beside the data
 * directories, so that they outlive the process, as a wrong clock outlives a daemon. Both clocks are replaced for the whole
 * process, whoever asks.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClockSettings } from '../node-clocks.ts'

const name = process.argv.find((argument) => argument.startsWith('--name='))?.slice('--name='.length)
const path = join(process.cwd(), `clock-${name}.json`)
const pollMs = 20
const looksMax = 4

const realNow = performance.now.bind(performance)
const startedAt = Date.now()
const startedNow = realNow()

let settings: ClockSettings = { number: 0, offsetMs: 0, rate: 1, sleepMs: undefined }
let lastReal = startedNow
let monotonic = startedNow
/** For how long the machine slept: the monotonic clock stood still, the wall clock did not. */
let slept = 0
let seen = ''
/** The offset in force, and how often the wall clock is still looked at before it is that of the settings. */
let offsetMs = 0
let looksLeft = 0

function now(): number {
  const real = realNow()
  const passed = real - lastReal
  lastReal = real
  if (settings.sleepMs !== undefined && passed >= settings.sleepMs) slept += passed
  else monotonic += passed * settings.rate
  return monotonic
}

function poll(): void {
  const file = statSync(path, { throwIfNoEntry: false })
  const version = `${file?.ino}:${file?.mtimeMs}`
  if (file === undefined || version === seen) return
  const next: ClockSettings = JSON.parse(readFileSync(path, 'utf8'))
  seen = version
  // Up to here by the old rate.
  now()
  settings = next
  // So that it jumps in the middle of a turn as well, between two looks that should agree.
  looksLeft = next.number % looksMax
  writeFileSync(`${path}.seen`, String(next.number))
}

poll()
setInterval(poll, pollMs).unref()
performance.now = now
Date.now = () => {
  if (looksLeft > 0) looksLeft--
  else offsetMs = settings.offsetMs
  return Math.floor(startedAt + (now() - startedNow) + slept + offsetMs)
}
