// The engine's door to XState: machines are started here and nowhere else.

export { createActor } from 'xstate'
export type { Actor } from 'xstate'
