import type { History } from './history.ts'
import { showOperation } from './show.ts'
import { type TimelineRow, toTimeline } from './timeline.ts'
import type { Violation } from './verdict.ts'

const style = `
body { font: 13px/1.6 system-ui, sans-serif; margin: 2em; color: #222; background: #fff }
.row { position: relative; height: 22px; border-bottom: 1px solid #eee }
.row div { position: absolute; top: 2px; bottom: 2px; min-width: 4px; border-radius: 3px; background: #bcd; padding: 0 4px;
  white-space: nowrap; font-size: 12px; line-height: 18px }
.row div.placed { background: #bdb }
.row div.blocking { background: #f99 }
.row div.open { border-right: 3px dotted #888; border-radius: 3px 0 0 3px }
`

/** One page without scripts or outside resources: green is placed, red blocks, a dotted end never returned. */
export function renderTimelineHtml(history: History, violation: Violation): string {
  const { columns, rows } = toTimeline(history, violation, 200)
  const title = escapeHtml(`${violation.violation}: ${violation.message}`)
  const legal = `${violation.longestPrefix.length} of ${history.operations.length} operations can be placed.`
  const body = rows.map((row) => `<div class="row">${bar(row, Math.max(1, columns))}</div>`).join('\n')
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title><style>${style}</style></head>
<body>
<h1>${title}</h1>
<p>${legal}</p>
${body}
</body>
</html>
`
}

function bar({ operation, from, to, place, isBlocking }: TimelineRow, columns: number): string {
  const left = (100 * from) / columns
  const width = (100 * ((to ?? columns) - from)) / columns
  const names = [isBlocking ? 'blocking' : place === undefined ? '' : 'placed', to === undefined ? 'open' : '']
  const text = escapeHtml(`${place === undefined ? '' : `#${place} `}${showOperation(operation)}`)
  const end = operation.returnedAt === undefined ? 'never returned' : operation.returnedAt
  const times = escapeHtml(`${operation.invokedAt} to ${end}`)
  return `<div class="${names.filter((name) => name !== '').join(' ')}" title="${times}" style="left:${left.toFixed(2)}%;width:${width.toFixed(2)}%">${text}</div>`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (unit) => `&#${unit.charCodeAt(0)};`)
}
