// The machine's cryptography and chance, as engine and demo use them.

import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'

/** OpenSSL's, with the system's random numbers. */
export const realPrimitives: Primitives = nodePrimitives
