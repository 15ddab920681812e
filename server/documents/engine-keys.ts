// The engine's own keys (PROTOCOL §1), in one sealed document: S_E and V_R current and next, V_E for receipts, the pepper
// and the seed of the local token issuer. Made at the first start; a running engine sees a rotation within a second.

import { join } from 'node:path'
import type { Keyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { wipe } from '../../crypto/primitives/secret.ts'
import { type Bytes, fromHex, toHex } from '../../base/bytes.ts'
import {
  type DocumentPlace,
  createDocument,
  openSecret,
  readDocument,
  sealSecret,
  writeDocument,
} from './sealed-document.ts'
import { type JsonOf, count, hex, list, object, orNull, text } from '../../base/json.ts'

/** A numbered pair whose public half bands pin. */
type PinnedPair = {
  readonly id: number
  readonly secret: Bytes
  readonly publicKey: Bytes
  readonly madeAtMs: number
}

/** A key that signs receipts, or one that did: then only the public half is left. */
export type ReceiptKey = {
  readonly kid: string
  readonly seed: Bytes | undefined
  readonly publicKey: Bytes
  readonly madeAtMs: number
}

/** All of them. The first of each list is the current one; the second of `engine` and `release` is the next. */
export type KeySet = {
  readonly engine: readonly PinnedPair[]
  readonly release: readonly PinnedPair[]
  readonly receipt: readonly ReceiptKey[]
  readonly pepper: Bytes
  readonly issuerSeed: Bytes
}

/** Old receipt keys that are still published: at 90 days each (PROTOCOL §1) a receipt of the last year verifies. */
const receiptKeysKept = 5

export function keysPlace(data: string, keyring: Keyring): DocumentPlace {
  return { path: join(data, 'keys.json'), name: 'keys', keyring }
}

/** Reads the keys; makes them when there are none yet. Throws a Fault `file-damaged` on a document that is not ours. */
export function loadKeys(place: DocumentPlace, nowMs: number): KeySet {
  const known = readKeys(place)
  if (known !== undefined) return known
  const made = newKeys(nowMs)
  if (createDocument(place, documentOf(place, made))) return made
  // Another process was quicker: its keys are the ones.
  const theirs = readKeys(place)
  return theirs ?? made
}

/** Reads the keys; undefined when there are none. */
export function readKeys(place: DocumentPlace): KeySet | undefined {
  const document = readDocument(place, keysSchema)
  return document === undefined ? undefined : keySetOf(place, document)
}

/** Seals and writes the keys. */
export function writeKeys(place: DocumentPlace, keys: KeySet): void {
  writeDocument(place, documentOf(place, keys))
}

export type RotatableKey = 'receipt' | 'engine' | 'release'

/**
 * The keys after a rotation. `receipt`: a new V_E signs, the public half of the old one stays published and its seed is
 * destroyed. `engine` and `release`: the next pair, which bands have pinned, becomes the current one, and a new next is made.
 */
export function rotated(keys: KeySet, which: RotatableKey, nowMs: number): KeySet {
  if (which === 'receipt') {
    const old = keys.receipt.map(({ kid, publicKey, madeAtMs }) => ({ kid, seed: undefined, publicKey, madeAtMs }))
    return { ...keys, receipt: [newReceiptKey(nowMs), ...old.slice(0, receiptKeysKept)] }
  }
  const [current, next, ...older] = keys[which]
  if (current === undefined || next === undefined) throw new Error(`the ${which} keys have no next one`)
  const id = Math.max(...keys[which].map((pair) => pair.id)) + 1
  for (const pair of older) wipe(pair.secret)
  return { ...keys, [which]: [next, newPair(which, id, nowMs), current] }
}

function newKeys(nowMs: number): KeySet {
  return {
    engine: [newPair('engine', 1, nowMs), newPair('engine', 2, nowMs)],
    release: [newPair('release', 1, nowMs), newPair('release', 2, nowMs)],
    receipt: [newReceiptKey(nowMs)],
    pepper: nodePrimitives.randomBytes(32),
    issuerSeed: nodePrimitives.randomBytes(32),
  }
}

function newPair(kind: 'engine' | 'release', id: number, madeAtMs: number): PinnedPair {
  const secret = nodePrimitives.randomBytes(32)
  return { id, secret, publicKey: publicOf(kind, secret), madeAtMs }
}

function publicOf(kind: 'engine' | 'release', secret: Bytes): Bytes {
  return kind === 'engine' ? nodePrimitives.x25519PublicKey(secret) : nodePrimitives.ed25519PublicKey(secret)
}

function newReceiptKey(madeAtMs: number): ReceiptKey {
  const seed = nodePrimitives.randomBytes(32)
  const publicKey = nodePrimitives.ed25519PublicKey(seed)
  return { kid: kidOf(publicKey), seed, publicKey, madeAtMs }
}

/** A key's name, taken from the key, so that no two keys share one. */
export function kidOf(publicKey: Bytes): string {
  return toHex(nodePrimitives.sha256(publicKey).subarray(0, 8))
}

function documentOf(place: DocumentPlace, keys: KeySet): object {
  const pairs = (kind: 'engine' | 'release') =>
    keys[kind].map(({ id, secret, publicKey, madeAtMs }) => ({
      id,
      madeAtMs,
      publicKey: toHex(publicKey),
      sealed: sealSecret(place, `${kind} ${id}`, secret),
    }))
  return {
    version: 1,
    engine: pairs('engine'),
    release: pairs('release'),
    receipt: keys.receipt.map(({ kid, seed, publicKey, madeAtMs }) => ({
      kid,
      madeAtMs,
      publicKey: toHex(publicKey),
      sealed: seed === undefined ? null : sealSecret(place, `receipt ${kid}`, seed),
    })),
    pepper: sealSecret(place, 'pepper', keys.pepper),
    issuer: sealSecret(place, 'issuer', keys.issuerSeed),
  }
}

const pairsSchema = list(object({ id: count, sealed: hex, madeAtMs: count }))
const keysSchema = object({
  engine: pairsSchema,
  release: pairsSchema,
  receipt: list(object({ kid: text, sealed: orNull(hex), publicKey: hex, madeAtMs: count })),
  pepper: hex,
  issuer: hex,
})

function keySetOf(place: DocumentPlace, document: JsonOf<typeof keysSchema>): KeySet {
  const pairs = (kind: 'engine' | 'release') =>
    document[kind].map(({ id, sealed, madeAtMs }): PinnedPair => {
      const secret = openSecret(place, `${kind} ${id}`, sealed)
      return { id, secret, publicKey: publicOf(kind, secret), madeAtMs }
    })
  return {
    engine: pairs('engine'),
    release: pairs('release'),
    receipt: document.receipt.map(({ kid, sealed, publicKey, madeAtMs }): ReceiptKey => {
      const seed = sealed === null ? undefined : openSecret(place, `receipt ${kid}`, sealed)
      return { kid, seed, publicKey: fromHex(publicKey), madeAtMs }
    }),
    pepper: openSecret(place, 'pepper', document.pepper),
    issuerSeed: openSecret(place, 'issuer', document.issuer),
  }
}
