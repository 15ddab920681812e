// A small JSON document with a MAC under the master key: whoever can write the disk but has no key cannot add a vendor, a
// partner or a key. Secrets inside are sealed one by one, so that the rest can be read by people.

import type { Keyring } from '../crypto/at-rest.ts'
import { Fault } from '../engine/ports/fault.ts'
import { ascii, fromHex, toHex } from '../protocol/bytes.ts'
import { createPrivateFile, readPrivateFile, writePrivateFile } from './private-file.ts'

/** Where a document is, and what it is called in its MAC and in the seals of its secrets. */
export type DocumentPlace = { readonly path: string; readonly name: string; readonly keyring: Keyring }

/** The document, or undefined when there is none. Throws a Fault `keys-missing` when it is not what we wrote. */
export function readDocument(place: DocumentPlace): unknown {
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
      'keys-missing',
      `${place.path} does not match its MAC: it was altered, or written under a master key that is not given. ` +
        'Change it only by the commands of bandpass; bring it back from a backup.',
    )
  }
  return JSON.parse(body)
}

/** Replaces the document. */
export function writeDocument(place: DocumentPlace, content: object): void {
  writePrivateFile(place.path, documentText(place, content))
}

/** Makes the document unless it is there; says whether it did. */
export function createDocument(place: DocumentPlace, content: object): boolean {
  return createPrivateFile(place.path, documentText(place, content))
}

/** A secret inside a document, as hex. */
export function sealSecret(place: DocumentPlace, key: string, secret: Uint8Array): string {
  return toHex(place.keyring.seal(place.name, ascii(key), 1, secret))
}

/** The secret again. Throws a Fault `keys-missing` when it was sealed elsewhere. */
export function openSecret(place: DocumentPlace, key: string, sealed: string): Uint8Array<ArrayBuffer> {
  const secret = place.keyring.open(place.name, ascii(key), 1, fromHex(sealed))
  if (secret === undefined) throw new Fault('keys-missing', `${place.path}: the secret ${key} does not open`)
  return secret
}

function documentText(place: DocumentPlace, content: object): string {
  const body = JSON.stringify(content, undefined, 2)
  return `${body}\nmac ${toHex(place.keyring.mac(place.name, ascii('document'), utf8(body)))}\n`
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
