import { defaultPeerLimits } from '../../src/daemon/net/peer-limits.ts'
import { toNodeId } from '../../src/protocol/ids.ts'
import { PeerNodes } from '../net/peer-nodes.ts'
import { linksConformance } from './links.ts'

const ids = [1, 2, 3].map(toNodeId)

linksConformance('PeerLinks', () => PeerNodes.start(ids, { ...defaultPeerLimits, redialMaxMs: 200 }))
