// `bandpass restore`: a backup becomes a data folder again. It says what is lost, and what that means for wearers and partners.

import { stderrLog } from '../../server/log/log.ts'
import { realClock } from '../../server/machine/real-clock.ts'
import { type AccountsToFreeze, type RestoredData, accountsIn, restoreData } from '../../server/data/restore-data.ts'
import { readNamedText } from '../../server/files/named-file.ts'
import { type Command, type Given, UsageError, required } from '../command/command.ts'
import { dataOptions, folderConfigFrom, settingOptions } from '../command/config-source.ts'
import { environment } from '../command/environment.ts'
import { untilSignal } from '../terminal/interrupted.ts'
import { listJsonOption, printListed } from '../terminal/output.ts'

const taken = new Set(['journal-witness', 'journal-segment-bytes'])

export const restoreFrom: Command = {
  name: 'restore',
  summary: 'Makes a data folder of a backup, verified, and lets its engine know that the world is further.',
  options: [
    { name: 'from', value: 'BACKUP', help: 'the folder of the backup' },
    { name: 'to', value: 'FOLDER', help: 'the data folder: new, empty, or with nothing but a master key' },
    {
      name: 'stopped-at',
      value: 'INSTANT',
      help: 'when the engine that is replaced had stopped, such as 2026-05-04T10:20Z [now]',
    },
    {
      name: 'freeze',
      value: 'FILE',
      help: 'accounts, one on each line, that operators freeze before the engine starts',
    },
    listJsonOption,
    ...dataOptions.filter((one) => one.name !== 'data'),
    ...settingOptions.filter((one) => taken.has(one.name)),
  ],
  examples: [
    {
      run: 'bandpass restore --from /backups/monday --to /var/lib/bandpass --master-key-file KEYFILE',
      does: 'move the old folder away first, and keep it',
    },
    {
      run: 'bandpass restore --from /backups/monday --to DATA --stopped-at 2026-05-04T10:20Z --freeze stolen.txt',
      does: 'payments need not wait for offers that cannot have been decided; what you can name is frozen',
    },
  ],
  more: () =>
    'What was decided, frozen, paired or revoked after the backup is lost. Every wearer arms their band again, so a band whose\n' +
    'freeze is lost pays nothing by itself. docs/operating.md says what else to do.',
  async run(given) {
    const from = required(given, 'from', '/backups/monday')
    const to = required(given, 'to', '/var/lib/bandpass')
    const config = {
      ...folderConfigFrom(given, environment, 'durability', 'journal', 'view', 'delays', 'log'),
      data: to,
    }
    const nowMs = realClock.nowMs()
    const stoppedAtMs = instantOf(given, nowMs)
    const freeze = accountsOf(given.value('freeze'))
    const log = stderrLog(config.log.level)
    const leaves = `${to} is no data folder yet: remove it, and begin anew; the backup is as it was`
    const restored = await untilSignal(leaves, () =>
      restoreData({ from, config, environment, nowMs, stoppedAtMs, freeze, log }),
    )
    printListed(given, restored, readable(to, restored, stoppedAtMs))
    return 0
  },
}

function instantOf(given: Given, nowMs: number): number {
  const text = given.value('stopped-at')
  if (text === undefined) return nowMs
  const atMs = Date.parse(text)
  const isWhole = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text)
  if (isWhole && atMs <= nowMs) return atMs
  throw new UsageError(
    `--stopped-at: an instant in the past with its zone expected, such as 2026-05-04T10:20Z, got ${text}`,
  )
}

/** Throws a UsageError that names every line that is no account. */
function accountsOf(path: string | undefined): AccountsToFreeze {
  if (path === undefined) return []
  let text: string
  try {
    text = readNamedText(path)
  } catch (error) {
    throw new UsageError(`--freeze ${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
  const { accounts, wrong } = accountsIn(text)
  if (wrong.length > 0) throw new UsageError(wrong.map((one) => `--freeze ${path}, ${one}`).join('\n'))
  return accounts
}

function readable(
  to: string,
  { manifest, recordsLost, frozen, offersFromMs }: RestoredData,
  stoppedAtMs: number,
): string {
  const { firstLsn, lastLsn, madeAtMs } = manifest
  const at = (ms: number) => new Date(ms).toISOString()
  const lost =
    recordsLost === undefined
      ? 'How many records came after is not known here: no witness was given (--journal-witness).'
      : `At least ${recordsLost} records are lost: the witness knew lsn ${lastLsn + recordsLost}.`
  return [
    `${to} holds records ${firstLsn} to ${lastLsn}, as of ${at(madeAtMs)}; every byte was compared.`,
    `Lost is what came after lsn ${lastLsn}, from ${at(madeAtMs)} to ${at(stoppedAtMs)}. ${lost}`,
    ...(frozen > 0 ? [`${frozen} accounts were frozen by operators; two of them lift that.`] : []),
    '',
    'What this means:',
    '- Bands link again by themselves. Every wearer arms again by a verification on the phone: no arming from before counts.',
    '- A band that was rekeyed or paired after the backup stays out: its owner deactivates it, or pairs it anew.',
    `- Offers that expire by ${at(offersFromMs)} are not decided: the engine before may have. Until then, let partners`,
    '  make offers that live the full 15 minutes.',
    '- Freezes, vetoes, lowered limits and removed phones of that time are forgotten; waiting changes wait anew.',
    '- An account may spend what it spent in that time once more today.',
    '- Keys and lists are those of the backup: revoke, drop and remove again what was since.',
    '',
    `Start it: bandpass serve --data ${to}, with the master key it is sealed under.`,
    '',
  ].join('\n')
}
