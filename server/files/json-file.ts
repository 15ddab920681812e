// JSON of files: what does not fit is a Fault `file-damaged` of that file, never a mistake of who asked for something that needs it.

import { JsonError, type JsonOf, type Schema, readJson } from '../../base/json.ts'
import { Fault } from '../../engine/ports/fault.ts'

/** The value of a file's `json` as the schema reads it. Throws a Fault `file-damaged` that says what was expected where. */
export function readFileJson<S extends Schema>(schema: S, json: unknown, path: string): JsonOf<S> {
  try {
    return readJson(schema, json, path)
  } catch (error) {
    if (error instanceof JsonError) throw new Fault('file-damaged', error.message, { cause: error })
    throw error
  }
}
