#!/usr/bin/env node
if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(`Error: paxos needs Node 24 or newer; this is ${process.version}.\n`)
  process.exit(2)
}
// libuv reads this at its first use of the pool, which is still ahead: LMDB commits, file reads and look-ups share it,
// and with the usual four threads a slow flush would hold up the others.
process.env.UV_THREADPOOL_SIZE ??= '8'
// cbor-x would otherwise load an optional native decoder; one decoder on every machine is easier to trust.
process.env.CBOR_NATIVE_ACCELERATION_DISABLED ??= 'true'
if (process.argv.includes('--no-color')) process.env.NO_COLOR = '1'

// A reader that has seen enough (`| head`) is no failure, and nobody is left to tell. Here, because oclif prints help
// without a command, and waits for ever for what it wrote to be read.
process.stdout.on('error', (error) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0)
  process.stderr.write(`Error: Cannot write to standard output: ${error.message}\n`)
  process.exit(1)
})
process.stderr.on('error', () => {})

// By parts: the whole of the package takes a tenth longer to load.
const { execute } = await import('@oclif/core/execute')
const { settings } = await import('@oclif/core/settings')
// The package ships compiled; oclif must never look for TypeScript sources, whatever NODE_ENV says.
settings.enableAutoTranspile = false
await execute({ dir: import.meta.url })
