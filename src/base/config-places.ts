/**
 * Files that hold the configuration of the tool and, in section `node`, of a node. Data only: a configuration that is
 * run as code would run whatever lies in the current directory.
 */
export const configSearchPlaces: readonly string[] = [
  'paxos.yaml',
  'paxos.yml',
  'paxos.json',
  '.paxosrc',
  '.paxosrc.yaml',
  '.paxosrc.yml',
  '.paxosrc.json',
  '.config/paxos.yaml',
  '.config/paxos.yml',
  '.config/paxos.json',
]

/** What may stand at the top of such a file. */
export const configSections: readonly string[] = ['endpoints', 'timeoutMs', 'node']
