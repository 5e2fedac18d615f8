import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'node:test'

const program = `
  import { StderrSink } from ${JSON.stringify(new URL('./stderr-sink.ts', import.meta.url).href)}
  const sink = new StderrSink(500)
  process.stdin.once('data', () => {
    for (let n = 0; n < 100; n++) sink.write('line ' + n + '\\n')
    sink.flushSync()
    process.exit(7)
  })
  process.stdout.write('ready')
`

function start(): ReturnType<typeof spawn> {
  return spawn(process.execPath, ['--input-type=module-typescript', '-e', program], { stdio: ['pipe', 'pipe', 'pipe'] })
}

test('a process whose stderr nobody reads any more ends all the same', async (t) => {
  const child = start()
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout ?? child, 'data')
  child.stderr?.destroy()
  await once(child.stderr ?? child, 'close')
  child.stdin?.write('go')
  const [code] = await once(child, 'exit')
  assert.equal(code, 7)
})

test('lines arrive whole and in order, up to the bound', async (t) => {
  const child = start()
  t.after(() => child.kill('SIGKILL'))
  let text = ''
  child.stderr?.on('data', (chunk) => {
    text += chunk
  })
  await once(child.stdout ?? child, 'data')
  child.stdin?.write('go')
  await once(child, 'close')
  // The first left at once, in the background; 500 bytes of the others fit.
  const lines = text.split('\n').filter((line) => line !== 'line 0' && line !== '')
  const kept = Array.from({ length: lines.length }, (_, n) => `line ${n + 1}`)
  assert.deepEqual(lines, kept)
  assert.ok(lines.length > 50 && lines.length < 70, `${lines.length} lines`)
})
