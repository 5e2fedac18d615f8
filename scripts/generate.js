// Writes the documents that derive from tables in the source. Tests fail when they are out of date.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exampleYaml } from '../src/daemon/config-document.ts'
import { limitsDocument } from '../src/daemon/limits-document.ts'
import { metricsDocument } from '../src/daemon/metrics-table.ts'

const root = join(import.meta.dirname, '..')
writeFileSync(join(root, 'config', 'node.example.yaml'), exampleYaml())
writeFileSync(join(root, 'docs', 'LIMITS.md'), limitsDocument())
writeFileSync(join(root, 'docs', 'METRICS.md'), metricsDocument())
