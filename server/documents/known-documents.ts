// Rollback protection of documents. Rollback of a single file: the journal knows which text of each sealed document was taken last, so an
// older one that is put back, with a partner's dropped key or without a vendor's revocation, is refused. A text that was made from the known
// one is newer.

import { Fault } from '../../engine/ports/fault.ts'
import type { Log } from '../log/log.ts'
import { type DocumentPlace, type DocumentWatch, type Revision, revisionsKeptMax } from './sealed-document.ts'

/** What the journal keeps of a document. */
export type KnownText = { readonly number: number; readonly digest: string }

/** Where the texts that were taken are known; `Engine.documents`. */
type Keeper = {
  readonly known: (name: string) => KnownText | undefined
  readonly take: (name: string, text: KnownText) => void
}

/** What was found of a document before the journal could be asked; null = it was not there. */
type Found = { readonly path: string; readonly revision: Revision | null }

export class KnownDocuments {
  readonly #acceptOlder: boolean
  readonly #log: Log
  readonly #found = new Map<string, Found>()
  #keeper: Keeper | undefined

  constructor(options: { readonly acceptOlder: boolean; readonly log: Log }) {
    this.#acceptOlder = options.acceptOlder
    this.#log = options.log
  }

  /** The same place; a text that is read here is judged first. Where it `mayBeGone`, its absence is no older state. */
  watched(place: DocumentPlace, { mayBeGone = false }: { readonly mayBeGone?: boolean } = {}): DocumentPlace {
    const { name, path } = place
    const watch: DocumentWatch = {
      read: (revision) => {
        if (revision !== undefined || !mayBeGone) this.#read(name, { path, revision: revision ?? null })
      },
      wrote: (revision) => {
        if (this.#keeper === undefined) this.#found.set(name, { path, revision })
        else this.#take(this.#keeper, name, revision)
      },
    }
    return { ...place, watch }
  }

  /** From now on the journal is asked; first for what was read before. Throws a Fault `file-older` on an older text. */
  begin(keeper: Keeper): void {
    for (const [name, found] of this.#found) this.#judge(keeper, name, found, this.#acceptOlder)
    this.#found.clear()
    this.#keeper = keeper
  }

  #read(name: string, found: Found): void {
    if (this.#keeper === undefined) this.#found.set(name, found)
    else this.#judge(this.#keeper, name, found, false)
  }

  #judge(keeper: Keeper, name: string, { path, revision }: Found, acceptOlder: boolean): void {
    const known = keeper.known(name)
    if (known === undefined || isFrom(known, revision)) return this.#take(keeper, name, revision)
    if (!acceptOlder) throw older(path, known, revision)
    this.#log('warning', 'lists.older-accepted', { path, known: known.number, found: revision?.number ?? 'none' })
    this.#take(keeper, name, revision)
  }

  #take(keeper: Keeper, name: string, revision: Revision | null): void {
    if (revision === null) return
    const { number, digest } = revision
    if (keeper.known(name)?.digest !== digest) keeper.take(name, { number, digest })
  }
}

/** Is this the text that is known, or one that was made from it? */
function isFrom(known: KnownText, found: Revision | null): boolean {
  if (found === null) return false
  if (found.digest === known.digest || found.before.includes(known.digest)) return true
  // So much newer that it cannot name its beginnings any more.
  return found.before.length === revisionsKeptMax && found.number > known.number + revisionsKeptMax
}

function older(path: string, known: KnownText, found: Revision | null): Fault {
  const state = found === null ? 'is gone' : `has version ${found.number}, which was not made from it`
  return new Fault(
    'file-older',
    `${path} ${state}, but version ${known.number} was taken before: an older copy was put back. Bring back the newest one; what was ` +
      'revoked or dropped since would else be valid again. If this older one is meant, start once with lists.acceptOlder.',
  )
}
