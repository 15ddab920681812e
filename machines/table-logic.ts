// Actor logic of XState made of a machine's table: `createActor` runs it, so `subscribe`, `on`, `inspect` and Stately's inspector see
// what really runs, at the cost of a table. A machine of ours puts what is to be done into `context.effects`; here each effect leaves
// as an emitted event, and the context keeps none: thousands of idle actors carried what had been done long ago.

import type { ActorLogic, ActorSystemInfo, ActorSystem, Snapshot } from 'xstate'
import type { MachineTable, Place } from './machine-table.ts'

type Typed = { readonly type: string }
/** A context says what is to be done. */
type WithEffects<Effect extends Typed> = { readonly effects: readonly Effect[] }

/** What an actor on a table shows: its state as the machine spells it, and its context, always without effects. */
type TableSnapshot<Value, Context> = Snapshot<undefined> & {
  readonly value: Value
  readonly context: Context
  readonly place: Place<Value>
}

/** Where an actor begins; without a value, where the machine does. */
type TableInput<Value, Context> = { readonly value?: Value; readonly context: Context }

export type TableLogic<Value, Context, Event extends Typed, Effect extends Typed> = ActorLogic<
  TableSnapshot<Value, Context>,
  Event,
  TableInput<Value, Context>,
  ActorSystem<ActorSystemInfo>,
  Effect
>

/** What XState sends to an actor that it stops. */
const stopEvent = 'xstate.stop'
const none: readonly never[] = []

/** Makes the logic. What a guard or a change throws is the actor's error: XState stops it, and it takes no event after that. */
export function fromTable<Value, Effect extends Typed, Context extends WithEffects<Effect>, Event extends Typed>(
  table: MachineTable<Value, Context, Event>,
): TableLogic<Value, Context, Event, Effect> {
  const active = (place: Place<Value>, context: Context): TableSnapshot<Value, Context> => ({
    status: 'active',
    output: undefined,
    error: undefined,
    value: place.value,
    context,
    place,
  })
  return {
    transition(snapshot, event, { emit }) {
      if (event.type === stopEvent) return { ...snapshot, status: 'stopped', output: undefined, error: undefined }
      const after = table.step(snapshot.place, snapshot.context, event)
      const context = rested(snapshot.context, after.context)
      for (const effect of after.context.effects) emit(effect)
      return after.place === snapshot.place && context === snapshot.context ? snapshot : active(after.place, context)
    },
    getInitialSnapshot: (_scope, { value, context }) =>
      active(value === undefined ? table.initial : table.at(value), context),
    getPersistedSnapshot: ({ place: _place, ...persisted }) => persisted,
    restoreSnapshot(persisted) {
      if (!isStanding<Value, Context>(persisted))
        throw new TypeError('a persisted snapshot with value and context expected')
      return active(table.at(persisted.value), persisted.context)
    },
  }
}

/** The context without what is to be done; the one before the event, when nothing else is new. */
function rested<Context extends WithEffects<Typed>>(before: Context, after: Context): Context {
  for (const name in after) {
    if (name !== 'effects' && after[name] !== before[name]) return { ...after, effects: none }
  }
  return before
}

/** What `getPersistedSnapshot` made; `at` checks the value. */
function isStanding<Value, Context>(persisted: Snapshot<unknown>): persisted is TableSnapshot<Value, Context> {
  return 'value' in persisted && 'context' in persisted
}
