// Authenticated JSON document. A small JSON document with a MAC under the master key: an attacker who can write the disk but has no key cannot
// add a vendor, a partner or a key. Secrets inside are sealed one by one, so that the rest can be read by people. Each text names those that
// it was made from, so that an older one can be told from a newer one (known-documents.ts).

import type { Keyring } from '../../crypto/at-rest.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { ascii, fromHex, toHex } from '../../base/bytes.ts'
import { createPrivateFile, readPrivateFile, writePrivateFile } from '../files/private-file.ts'
import { readFileJson } from '../files/json-file.ts'
import { type JsonOf, type Schema, count, hex, list, object } from '../../base/json.ts'

/** Where a document is, and what it is called in its MAC and in the seals of its secrets. */
export type DocumentPlace = {
  readonly path: string
  readonly name: string
  readonly keyring: Keyring
  /** Hears of every text that is read or written; a running engine's does. */
  readonly watch?: DocumentWatch
}

/** The version of a document: how often it was changed, the digest of its text (its MAC), and those of the texts before it, newest first. */
export type Revision = { readonly number: number; readonly digest: string; readonly before: readonly string[] }

export type DocumentWatch = {
  /** A text was read; undefined when there is none. What it throws, the reader throws. */
  readonly read: (revision: Revision | undefined) => void
  /** A text was written here. */
  readonly wrote: (revision: Revision) => void
}

/** So many texts before it a document names. */
export const revisionsKeptMax = 64

/** The document as the schema reads it, or undefined when there is none. Throws a Fault `file-damaged` when it is not what we wrote. */
export function readDocument<S extends Schema>(place: DocumentPlace, schema: S): JsonOf<S> | undefined {
  const found = readText(place)
  place.watch?.read(found?.revision)
  return found === undefined ? undefined : readFileJson(schema, found.content, place.path)
}

const revisionSchema = object({ revision: object({ number: count, before: list(hex) }) })

function readText(place: DocumentPlace): { readonly content: unknown; readonly revision: Revision } | undefined {
  const text = readPrivateFile(place.path)
  if (text === undefined) return undefined
  const at = text.lastIndexOf('\nmac ')
  const body = text.slice(0, at)
  const mac = text.slice(at + 5).trim()
  const fits =
    at > 0 &&
    /^[0-9a-f]{32}$/.test(mac) &&
    place.keyring.checkMac(place.name, ascii('document'), utf8(body), fromHex(mac))
  if (!fits) {
    throw new Fault(
      'file-damaged',
      `${place.path} does not match its MAC: it was altered, or written under a master key that is not given. ` +
        'Change it only by the commands of bandpass; bring it back from a backup.',
    )
  }
  const content: unknown = JSON.parse(body)
  const { revision } = readFileJson(revisionSchema, content, place.path)
  return { content, revision: { ...revision, digest: mac } }
}

/** Replaces the document. Throws a Fault `file-damaged` when what is there is not what we wrote. */
export function writeDocument(place: DocumentPlace, content: object): void {
  const last = readText(place)?.revision
  const { text, revision } = documentText(place, content, last)
  writePrivateFile(place.path, text)
  place.watch?.wrote(revision)
}

/** Makes the document unless it is there; says whether it did. */
export function createDocument(place: DocumentPlace, content: object): boolean {
  const { text, revision } = documentText(place, content, undefined)
  const isMade = createPrivateFile(place.path, text)
  if (isMade) place.watch?.wrote(revision)
  return isMade
}

/** A secret inside a document, as hex. */
export function sealSecret(place: DocumentPlace, key: string, secret: Uint8Array): string {
  return toHex(place.keyring.seal(place.name, ascii(key), 1, secret))
}

/** The secret again. Throws a Fault `file-damaged` when it was sealed elsewhere. */
export function openSecret(place: DocumentPlace, key: string, sealed: string): Uint8Array<ArrayBuffer> {
  const secret = place.keyring.open(place.name, ascii(key), 1, fromHex(sealed))
  if (secret === undefined) throw new Fault('file-damaged', `${place.path}: the secret ${key} does not open`)
  return secret
}

function documentText(place: DocumentPlace, content: object, last: Revision | undefined) {
  const number = (last?.number ?? 0) + 1
  const before = last === undefined ? [] : [last.digest, ...last.before].slice(0, revisionsKeptMax)
  const body = JSON.stringify({ ...content, revision: { number, before } }, undefined, 2)
  const digest = toHex(place.keyring.mac(place.name, ascii('document'), utf8(body)))
  const revision: Revision = { number, digest, before }
  return { text: `${body}\nmac ${digest}\n`, revision }
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
