// Every command there is, loaded: for what looks at all of them, such as the tests of help and documents. The list is command-index.ts.

import type { Command } from './command/command.ts'
import { commandIndex } from './command-index.ts'

export const commands: readonly Command[] = await Promise.all(commandIndex.map(({ load }) => load()))
