// Rollback witness of the journal. How far the journal was, kept in another place than the journal (threat T8): a data folder put back from
// yesterday's copy ends before its witness, and is refused until an operator says that this is meant.

import { crc32c } from '../files/crc32c.ts'
import { ascii, fromHex, toHex } from '../../base/bytes.ts'
import { dirname } from 'node:path'
import { Fault } from '../../engine/ports/fault.ts'
import type { FilePort } from '../files/file-port.ts'
import type { ChainHead } from './journal-scan.ts'
import { readIfThere, replaceFile } from '../files/whole-file.ts'

/** The witness at `path`, or undefined when there is none. Throws a Fault `journal-damaged` on one that is not whole. */
export function readWitness(files: FilePort, path: string): ChainHead | undefined {
  const text = readIfThere(files, path)?.toString('latin1')
  if (text === undefined) return undefined
  const fields = /^bandpass witness 1\nlsn (\d+)\nepoch (\d+)\nchain ([0-9a-f]{64})\n/.exec(text)
  const crc = /\ncrc ([0-9a-f]{8})\n$/.exec(text)?.[1]
  if (fields === null || crc !== checksum(text.slice(0, -13))) {
    throw new Fault(
      'journal-damaged',
      `the witness file ${path} is not whole, so nothing says whether this journal is the newest. ` +
        'Compare it with your backups; then start once with the rollback accepted, which writes a new witness.',
    )
  }
  return { lsn: Number(fields[1]), epoch: Number(fields[2]), chain: fromHex(fields[3] ?? '') }
}

/** Replaces the witness; on disk when this returns. */
export function writeWitness(files: FilePort, path: string, head: ChainHead): void {
  files.makeFolder(dirname(path))
  const said = `bandpass witness 1\nlsn ${head.lsn}\nepoch ${head.epoch}\nchain ${toHex(head.chain)}\n`
  replaceFile(files, path, ascii(`${said}crc ${checksum(said)}\n`))
}

function checksum(text: string): string {
  return crc32c(ascii(text)).toString(16).padStart(8, '0')
}
