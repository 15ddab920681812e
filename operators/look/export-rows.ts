// CSV (RFC 4180) and JSON Lines encoders of decisions, with the same columns in the same order. CSV is for spreadsheets: it
// begins with a byte order mark, or Excel takes it for another encoding than UTF-8. Against CSV injection, what one would take for a
// formula begins with an apostrophe, also where one that cuts at semicolons or tabs would find it; and what is not seen is marked. Labels
// come from partners.

import { type DecisionEntry, exportColumns } from '../../protocol/operator-api.ts'
import { printableJson, printableLines } from '../../base/printable.ts'
import type { ExportFormat } from '../http/requests.ts'

type Cell = string | number | null

/** Header of the file: what stands before the rows. */
export function exportHead(format: ExportFormat): string {
  return format === 'csv' ? `\ufeff${exportColumns.join(',')}\r\n` : ''
}

export function exportRow(format: ExportFormat, decision: DecisionEntry): string {
  const cells = exportColumns.map((name) => cellOf(name, decision))
  if (format === 'csv') return `${cells.map(csvCell).join(',')}\r\n`
  return `${printableJson(Object.fromEntries(exportColumns.map((name, at) => [name, cells[at] ?? null])))}\n`
}

function cellOf(column: (typeof exportColumns)[number], decision: DecisionEntry): Cell {
  return column === 'at' ? new Date(decision.atMs).toISOString() : decision[column]
}

/**
 * CSV injection: where a formula would begin, at the start of a cell, or after what some spreadsheets cut at, behind spaces and a quote. The wide
 * forms of `= + - @` begin one where East Asian input is used.
 */
const formula =
  /^(?=[\t\r])|(?<=^|[;\t\r\n]|[;\t\r\n][ \u00a0\u3000]*"?|^[ \u00a0\u3000]+"?)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])/g

/** A comma, a quote or a line break needs quotes; a quote is doubled (RFC 4180 §2). */
function csvCell(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  const text = printableLines(cell).replaceAll(formula, "'")
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
