/**
 * Places around every seam of durability at which a real node can be killed. Each is a change of one line of the compiled
 * module, made while it loads (hooks/failpoint.ts): the product itself knows nothing of them.
 */
import type { Patch } from '../planted/bug.ts'

/** What must be going on for the place to be reached. */
export type Occasion = 'creation' | 'boot' | 'load' | 'election' | 'install' | 'stop'

export interface Failpoint {
  readonly name: string
  readonly occasion: Occasion
  /** `file` is below `dist/`. */
  readonly patch: Patch
  /** How often it may be passed before the process ends there: rare places are not passed twice. */
  readonly passesMax: number
}

/** Where the hook puts the function that ends the process. */
export const reachName = 'paxosChaosReach'
const reach = `globalThis.${reachName}()`
/** In a later turn: what was handed to the disk or the network meanwhile is under way, or already there. */
const reachLater = `setImmediate(globalThis.${reachName})`

const store = 'daemon/store/lmdb-acceptor-store.js'
const journal = 'daemon/store/journal.js'
const folder = 'daemon/store/tree-folder.js'
const openTree = 'daemon/store/open-journaled-tree.js'
const committer = 'runtime/committer.js'
const stateStore = 'daemon/store/lmdb-state-store.js'
const install = 'daemon/store/state-install.js'
const state = 'runtime/state.js'
const replica = 'runtime/replica.js'
const node = 'daemon/node.js'
const incarnations = 'daemon/store/own-incarnations.js'
const identity = 'daemon/store/directory-identity.js'
const durableFile = 'daemon/store/durable-file.js'
const disks = 'daemon/store/peer-incarnations.js'

const openInstall = 'this.#environment = openEnvironment(this.#path, { pageSize: statePageSize, readOnly: false });'
const openState = 'this.#environment = openEnvironment(path, settings);'
const has = (kind: string): string => `writes.some(({ write }) => write.kind === '${kind}')`
const isVote = `if (${has('vote')}) `
const forReleases = 'for (const release of releases)'
const ifReleases = 'if (releases.length > 0) '
const often = 30
const seldom = 2

export const failpoints: readonly Failpoint[] = [
  // The acceptor's commit, by what is in it, and what it releases.
  before('promise-before-commit', 'election', seldom, store, 'const truncations = [];', `if (${has('promise')}) `),
  before(
    'promise-after-commit',
    'election',
    seldom,
    committer,
    'this.#lastMs = this.#clock',
    `if (${has('promise')}) `,
  ),
  before('vote-before-commit', 'load', often, store, 'const truncations = [];', isVote),
  soon('journal-in-flight', 'load', often, journal, 'return this.#write(at, bytes);'),
  before('journal-written', 'load', often, journal, 'this.#isWriting = false;'),
  before('vote-after-commit', 'load', often, committer, 'this.#lastMs = this.#clock', isVote),
  before('chosen-before-commit', 'load', often, store, 'const truncations = [];', `if (${has('chosen')}) `),
  before('flushed-before-release', 'load', often, 'runtime/driver.js', forReleases, ifReleases),
  soon('released', 'load', often, 'runtime/driver.js', forReleases, ifReleases),
  // The machine: applied in memory, answered, and made durable late.
  before('applied-before-answer', 'load', often, replica, 'this.#requests.onApplied(slot, entry, replies'),
  soon('answered-before-state', 'load', often, replica, 'this.#requests.onApplied(slot, entry, replies'),
  before('state-before-commit', 'load', seldom, stateStore, 'let settled = Promise.resolve();'),
  later(
    'state-commit-in-flight',
    'load',
    seldom,
    stateStore,
    'this.#committing = { changes, settled, keys: undefined };',
  ),
  before('state-after-commit', 'load', seldom, state, 'this.#overlay.settle();'),
  after('state-told-durable', 'load', seldom, state, 'this.#onDurable();'),
  // The log is cut, then pruned in steps.
  before('truncate-before-commit', 'load', seldom, store, 'const truncations = [];', `if (${has('truncate')}) `),
  before('truncate-after-commit', 'load', seldom, committer, 'this.#lastMs = this.#clock', `if (${has('truncate')}) `),
  before('prune-step-queued', 'load', seldom, 'daemon/store/vote-pruner.js', 'if (count < deletesPerStep)'),
  planted(
    'prune-step-done',
    'load',
    seldom,
    folder,
    'this.#transact(stepped, () => { });',
    `this.#transact(stepped, () => { ${reach}; });`,
  ),
  // LMDB takes over what is in the journal.
  before('fold-before-commit', 'load', seldom, folder, 'this.#folding = layer;'),
  soon('fold-in-flight', 'load', seldom, folder, 'this.#folding = layer;'),
  before('fold-after-commit', 'load', seldom, folder, 'this.#journal.release(end);'),
  after('fold-released', 'load', seldom, folder, 'this.#journal.release(end);'),
  // A snapshot takes the place of the data.
  after('install-begun', 'install', 1, install, openInstall),
  later(
    'install-chunk-in-flight',
    'install',
    1,
    install,
    "this.#owner.failStop.track('a snapshot', this.#last, done);",
  ),
  before('install-chunk-stored', 'install', 1, 'runtime/snapshot-receiver.js', 'transfer.chunks++;'),
  before('install-before-rename', 'install', 1, stateStore, 'await rename(path, join(directory, stateFile));'),
  after('install-after-rename', 'install', 1, stateStore, 'await rename(path, join(directory, stateFile));'),
  after('install-after-sync', 'install', 1, stateStore, 'await syncDirectory(directory);'),
  after('install-swapped', 'install', 1, stateStore, 'this.#oldClosed = Promise.all([this.#oldClosed, old.close()]);'),
  before('installed-before-reload', 'install', 1, state, 'this.#overlay.reset();'),
  before('installed-before-log', 'install', 1, replica, 'this.#requests.onSkipped(upTo, this.#now());'),
  // Each start draws a new incarnation.
  before('incarnation-before-write', 'boot', 1, incarnations, 'const counted = { key: incarnationKey'),
  soon(
    'incarnation-in-flight',
    'boot',
    1,
    incarnations,
    'await settled((done) => tree.write([counted, noted], done));',
  ),
  before('incarnation-after-write', 'boot', 1, incarnations, 'return { current, earlier'),
  before('journal-before-mark', 'boot', 1, openTree, 'const begun = queueWrites('),
  soon('journal-mark-in-flight', 'boot', 1, openTree, 'const begun = queueWrites('),
  before('journal-begun', 'boot', 1, openTree, 'return new JournaledTree('),
  after('state-file-opened', 'boot', 1, stateStore, openState),
  after('joined', 'boot', 1, node, 'this.#driver.add(this.#replica);'),
  // The first start makes the directory.
  before(
    'identity-before-record',
    'creation',
    1,
    identity,
    'await environment.put(identityKey, encodeRecord(identityKey, encodeIdentity(identity)));',
  ),
  before('identity-after-record', 'creation', 1, identity, 'await syncDirectory(directory);'),
  before('identity-before-file', 'creation', 1, identity, 'await writeIdentityFile(directory, identity);'),
  before('identity-file-written', 'creation', 1, durableFile, 'await file.sync();'),
  before('identity-before-rename', 'creation', 1, durableFile, 'await rename(half, path);'),
  after('identity-after-rename', 'creation', 1, durableFile, 'await rename(half, path);'),
  before('journal-half-made', 'creation', 1, 'daemon/store/journal-file.js', 'await file.sync();'),
  before('journal-before-rename', 'creation', 1, 'daemon/store/journal-file.js', 'await rename(half, path);'),
  after('journal-after-rename', 'creation', 1, 'daemon/store/journal-file.js', 'await rename(half, path);'),
  before(
    'epoch-before-write',
    'creation',
    1,
    'daemon/node-identity.js',
    'await acceptor.saveEpoch(firstGroup, first);',
  ),
  after('epoch-after-write', 'creation', 1, 'daemon/node-identity.js', 'await acceptor.saveEpoch(firstGroup, first);'),
  before('peer-disk-before-write', 'creation', 1, disks, 'this.#incarnations.set(node, met);'),
  planted('peer-disk-after-write', 'creation', 1, disks, '}], () => { });', `}], () => { ${reach}; });`),
  // A clean stop.
  before('stop-before-state', 'stop', 1, replica, 'this.#state.whenDurable(done);'),
  before('stop-before-close', 'stop', 1, node, 'await this.#directory.close();'),
  after('stop-after-close', 'stop', 1, node, 'await this.#directory.close();'),
]

export function findFailpoint(name: string): Failpoint {
  const found = failpoints.find((failpoint) => failpoint.name === name)
  if (found === undefined) throw new Error(`There is no failpoint "${name}"`)
  return found
}

// `condition` is the head of an `if`.

function before(
  name: string,
  occasion: Occasion,
  passes: number,
  file: string,
  find: string,
  condition = '',
): Failpoint {
  return planted(name, occasion, passes, file, find, `${condition}${reach}; ${find}`)
}

function after(name: string, occasion: Occasion, passes: number, file: string, find: string): Failpoint {
  return planted(name, occasion, passes, file, find, `${find} ${reach};`)
}

function later(
  name: string,
  occasion: Occasion,
  passes: number,
  file: string,
  find: string,
  condition = '',
): Failpoint {
  return planted(name, occasion, passes, file, find, `${find} ${condition}${reachLater};`)
}

function soon(name: string, occasion: Occasion, passes: number, file: string, find: string, condition = ''): Failpoint {
  return planted(name, occasion, passes, file, find, `${condition}${reachLater}; ${find}`)
}

function planted(
  name: string,
  occasion: Occasion,
  passesMax: number,
  file: string,
  find: string,
  replace: string,
): Failpoint {
  return { name, occasion, passesMax, patch: { file, find, replace } }
}
