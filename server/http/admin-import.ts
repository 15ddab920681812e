// The body of an import request, taken into the engine a few bindings at a time; its secrets are wiped when it is done.

import { wipe } from '../../crypto/primitives/secret.ts'
import type { ImportBindings } from '../../engine/operators/import.ts'
import type { Bytes } from '../../base/bytes.ts'
import {
  type ImportedBinding,
  decodeImportedBinding,
  isSplit,
  splitImport,
} from '../../protocol/messages/imported-binding.ts'
import type { Malformed } from '../../protocol/malformed.ts'
import type { HttpAnswer } from '../../transport/listener.ts'
import { jsonAnswer, refusal } from './json-answer.ts'
import { nextTurn } from '../machine/next-turn.ts'

/** Answers when everything taken is durable. Owns `body`. */
export async function importBody(importBindings: ImportBindings, body: Bytes): Promise<HttpAnswer> {
  try {
    const parts = splitImport(body)
    if (!isSplit(parts)) return refusal(400, 'malformed', `expected ${parts.expected}`)
    const result = await importBindings(bindingsOf(parts), nextTurn)
    if (result.type === 'done') return jsonAnswer(200, { imported: result.imported, refused: result.refused })
    switch (result.error) {
      case 'busy':
        return refusal(429, 'busy', 'expected fewer imports at once; ask again', 1)
      case 'storage-full':
        return refusal(503, 'storage-full', 'expected room on the disk; make some and ask again', 5)
      case 'unavailable':
        return refusal(503, 'unavailable', 'expected a journal, a view and a clock that work; see /readyz', 1)
    }
  } finally {
    wipe(body)
  }
}

function* bindingsOf(parts: readonly Bytes[]): Generator<ImportedBinding | Malformed, void> {
  for (const part of parts) yield decodeImportedBinding(part)
}
