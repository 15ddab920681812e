// Decisions as rows of a file: CSV (RFC 4180) or JSON lines, with the same columns in the same order. What a spreadsheet would take
// for a formula begins with an apostrophe, also where one that cuts at semicolons or tabs would find it: labels come from partners.

import { type DecisionEntry, exportColumns } from '../protocol/operator-api.ts'
import type { ExportFormat } from './requests.ts'

type Cell = string | number | null

/** What stands before the rows. */
export function exportHead(format: ExportFormat): string {
  return format === 'csv' ? `${exportColumns.join(',')}\r\n` : ''
}

export function exportRow(format: ExportFormat, decision: DecisionEntry): string {
  const cells = exportColumns.map((name) => cellOf(name, decision))
  if (format === 'csv') return `${cells.map(csvCell).join(',')}\r\n`
  return `${JSON.stringify(Object.fromEntries(exportColumns.map((name, at) => [name, cells[at] ?? null])))}\n`
}

function cellOf(column: (typeof exportColumns)[number], decision: DecisionEntry): Cell {
  return column === 'at' ? new Date(decision.atMs).toISOString() : decision[column]
}

/** A comma, a quote or a line break needs quotes; a quote is doubled (RFC 4180 §2). */
function csvCell(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  const text = cell.replaceAll(/^(?=[\t\r])|(?<=^|[;\t\r\n] *"?)(?=[=+\-@])/g, "'")
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
