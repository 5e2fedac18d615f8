import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PaxosError } from '../base/error.ts'
import { checkRecords, Importer, type ImportOptions } from './importer.ts'

const defaults: ImportOptions = { format: 'tsv', onBad: 'refuse', inFlightMax: 4, startLine: 0, startOffset: 0 }

async function* bytes(text: string, chunk = 7): AsyncGenerator<Uint8Array> {
  const whole = Buffer.from(text)
  for (let at = 0; at < whole.length; at += chunk) yield whole.subarray(at, at + chunk)
}

/** Settles puts when told to. */
class ManualSink {
  readonly puts: { readonly text: string; settle(error?: Error): void }[] = []

  put(key: Uint8Array, value: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const text = `${Buffer.from(key)}=${Buffer.from(value)}`
      this.puts.push({ text, settle: (error) => (error === undefined ? resolve() : reject(error)) })
    })
  }
}

/** Lets everything that can run do so. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

function mapSink() {
  const map = new Map<string, string>()
  const sink = {
    put: async (key: Uint8Array, value: Uint8Array) => void map.set(`${Buffer.from(key)}`, `${Buffer.from(value)}`),
  }
  return { map, sink }
}

test('every record is written, and the watermark ends behind the last line', async () => {
  const { map, sink } = mapSink()
  const importer = new Importer(sink, defaults)
  await importer.run(bytes('a\t1\nb\t2\n\nc\t3'))
  assert.deepEqual(
    [...map],
    [
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ],
  )
  assert.deepEqual([importer.records, importer.doneLines, importer.doneOffset], [3, 4, 12])
})

test('no more puts are under way than allowed', async () => {
  const sink = new ManualSink()
  const importer = new Importer(sink, { ...defaults, inFlightMax: 2 })
  const run = importer.run(bytes('a\t1\nb\t2\nc\t3\n'))
  await settled()
  assert.equal(sink.puts.length, 2)
  sink.puts[0]?.settle()
  await settled()
  assert.equal(sink.puts.length, 3)
  for (const put of sink.puts) put.settle()
  await run
})

test('the watermark waits for the first line that is not done', async () => {
  const sink = new ManualSink()
  const importer = new Importer(sink, defaults)
  const run = importer.run(bytes('a\t1\nb\t2\nc\t3\n'))
  await settled()
  sink.puts[1]?.settle()
  sink.puts[2]?.settle()
  await settled()
  assert.equal(importer.doneLines, 0)
  sink.puts[0]?.settle()
  await run
  assert.equal(importer.doneLines, 3)
})

test('two writes of one key are never under way together, so the later line wins', async () => {
  const sink = new ManualSink()
  const run = new Importer(sink, defaults).run(bytes('a\t1\na\t2\n'))
  await settled()
  assert.deepEqual(
    sink.puts.map((put) => put.text),
    ['a=1'],
  )
  sink.puts[0]?.settle()
  await settled()
  assert.equal(sink.puts[1]?.text, 'a=2')
  sink.puts[1]?.settle()
  await run
})

test('a bad line is refused by its number, and nothing after it is written', async () => {
  const { map, sink } = mapSink()
  const importer = new Importer(sink, defaults)
  await assert.rejects(
    importer.run(bytes('a\t1\nbroken\nc\t3\n')),
    (error) => error instanceof PaxosError && /^Line 2 is bad: there is no tab/.test(error.message),
  )
  assert.deepEqual([...map.keys()], ['a'])
  assert.equal(importer.doneLines, 1)
})

test('bad lines are skipped when asked, and counted with their numbers', async () => {
  const { map, sink } = mapSink()
  const importer = new Importer(sink, { ...defaults, onBad: 'skip' })
  await importer.run(bytes('a\t1\nbroken\n\tx\nc\t3\n'))
  assert.deepEqual([...map.keys()], ['a', 'c'])
  assert.deepEqual(
    importer.badLines.map((bad) => bad.line),
    [2, 3],
  )
  assert.equal(importer.doneLines, 4)
})

test('a line that the cluster refuses is a bad line; another failure ends the import', async () => {
  const failing = (error: Error) => ({
    put: (key: Uint8Array) => (key[0] === 98 ? Promise.reject(error) : Promise.resolve()),
  })
  const skipping = new Importer(failing(new PaxosError('TOO_LARGE', 'too large')), { ...defaults, onBad: 'skip' })
  await skipping.run(bytes('a\t1\nb\t2\nc\t3\n'))
  assert.deepEqual([skipping.records, skipping.bad], [2, 1])
  const failed = new Importer(failing(new PaxosError('NO_QUORUM', 'no quorum')), { ...defaults, onBad: 'skip' })
  await assert.rejects(failed.run(bytes('a\t1\nb\t2\nc\t3\n')), /no quorum/)
  assert.equal(failed.doneLines, 1)
})

test('a stopped import finishes what is under way and reads no further', async () => {
  const sink = new ManualSink()
  const importer = new Importer(sink, { ...defaults, inFlightMax: 1 })
  const run = importer.run(bytes('a\t1\nb\t2\nc\t3\n'))
  await settled()
  importer.stop()
  sink.puts[0]?.settle()
  await settled()
  for (const put of sink.puts) put.settle()
  await run
  assert.ok(importer.doneLines < 3)
})

test('an import that goes on from its watermark writes the same as one without a break', async () => {
  const line = fc.oneof(
    fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.stringMatching(/^[0-9]{0,5}$/)).map(([k, v]) => `${k}\t${v}`),
    fc.constant(''),
    fc.constant('broken'),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 30 }),
      fc.nat(20),
      fc.integer({ min: 1, max: 9 }),
      async (lines, after, chunk) => {
        const text = lines.map((each) => `${each}\n`).join('')
        const whole = mapSink()
        await new Importer(whole.sink, { ...defaults, onBad: 'skip' }).run(bytes(text, chunk))
        const { map, sink } = mapSink()
        let left = after
        const first = new Importer(
          { put: (key, value) => (left-- > 0 ? sink.put(key, value) : Promise.reject(new Error('cut'))) },
          { ...defaults, onBad: 'skip' },
        )
        await first.run(bytes(text, chunk)).catch(() => {})
        const rest = Buffer.from(text).subarray(first.doneOffset).toString()
        const second = new Importer(sink, {
          ...defaults,
          onBad: 'skip',
          startLine: first.doneLines,
          startOffset: first.doneOffset,
        })
        await second.run(bytes(rest, chunk))
        assert.deepEqual(map, whole.map)
        assert.equal(second.doneLines, lines.length)
        assert.equal(second.doneOffset, Buffer.byteLength(text))
      },
    ),
  )
})

test('checking reads everything and writes nothing', async () => {
  const found = await checkRecords(bytes('a\t1\nx\nb\t2\n'), defaults)
  assert.deepEqual([found.records, found.bad, found.badLines[0]?.line], [2, 1, 2])
})
