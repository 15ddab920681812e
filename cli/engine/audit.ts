// `bandpass audit verify`: is the journal whole, and does the view say what it says?

import { type DataAudit, auditData } from '../../server/data/audit.ts'
import { openDataFolder } from '../../server/documents/data-folder.ts'
import type { Command } from '../command/command.ts'
import { dataOptions, folderConfigFrom } from '../command/config-source.ts'
import { environment } from '../command/environment.ts'
import { untilSignal } from '../terminal/interrupted.ts'
import { listJsonOption, printListed } from '../terminal/output.ts'
import { spanText } from '../terminal/words.ts'

export const auditVerify: Command = {
  name: 'audit verify',
  summary: 'Checks every record and the hash chain of the journal; of a stopped engine also the view, row by row.',
  options: [...dataOptions, listJsonOption],
  examples: [
    { run: 'bandpass audit verify', does: 'beside a running engine: the journal; of a stopped one: everything' },
    {
      run: 'bandpass audit verify --data /backups/monday --master-key-file .data/master.key',
      does: 'is this backup good?',
    },
  ],
  async run(given) {
    const config = folderConfigFrom(given, environment, 'view')
    const folder = openDataFolder(config, environment, false)
    const audit = await untilSignal('nothing is known of this folder yet', () => auditData(config, folder))
    const { journal, view } = audit
    printListed(given, audit, readable(audit))
    return journal.type === 'whole' && view.type !== 'different' ? 0 : 1
  },
}

function readable({ journal, view }: DataAudit): string {
  return `${[...journalLines(journal), ...viewLines(view)].join('\n')}\n`
}

function journalLines(journal: DataAudit['journal']): readonly string[] {
  if (journal.type === 'damaged') {
    return [
      'journal  DAMAGED',
      `  first bad place: record ${journal.lsn}, ${journal.segment} at byte ${journal.offset}`,
      `  ${journal.why}`,
      '  what to do: keep this folder as it is, take the newest backup whose audit is good, and compare the chain',
      '  hash of its last record with your witness. What is after it is lost unless this segment can be read elsewhere.',
    ]
  }
  const torn =
    journal.tornBytes > 0 ? [`  ${journal.tornBytes} torn bytes at the end: the next start cuts them off`] : []
  return [
    `journal  whole: ${journal.records} records in ${journal.groups} groups, lsn ${journal.firstLsn} to ${journal.lastLsn}`,
    `  epoch ${journal.epoch}, chain hash ${journal.headHash}`,
    ...journal.rewinds.map(
      ({ lsn, fromMs, atMs }) =>
        `  time runs back at lsn ${lsn} by ${spanText(fromMs - atMs)}, as an operator accepted`,
    ),
    ...torn,
  ]
}

function viewLines(view: DataAudit['view']): readonly string[] {
  switch (view.type) {
    case 'equal': {
      const counts = Object.entries(view.rows).filter(([, rows]) => rows > 0)
      const rows = counts.map(([table, count]) => `${count} ${table}`).join(', ')
      return [`view     equal to the journal up to lsn ${view.appliedLsn}: ${rows === '' ? 'no rows' : rows}`]
    }
    case 'different':
      return [
        `view     DIFFERENT from the journal at lsn ${view.appliedLsn}`,
        ...view.differences.map((one) => `  ${one}`),
        '  what to do: move the view folder away and start the engine: it is built anew from the journal.',
      ]
    case 'not-compared':
      return [`view     not compared: ${view.why}`]
  }
}
