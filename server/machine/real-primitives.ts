// The machine's cryptography and chance, as engine and demo use them.

import { nodePrimitives } from '../../crypto/node-primitives.ts'
import type { Primitives } from '../../crypto/primitives.ts'

/** OpenSSL's, with the system's random numbers. */
export const realPrimitives: Primitives = nodePrimitives
