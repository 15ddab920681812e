// The one door to signals: values that a component reads and is drawn again for when they change.

export { computed, effect, signal } from '@preact/signals'
