// Client-side text filter above a list that is all here already: it shows the rows that have a text in them.

import { Field } from './parts.tsx'

export function ListSearch({ wanted, set }: { readonly wanted: string; readonly set: (text: string) => void }) {
  return (
    <div class="search" role="search">
      <Field label="Find in this list">
        {(ids) => (
          <input
            {...ids}
            type="search"
            autocomplete="off"
            maxLength={100}
            value={wanted}
            onInput={(event) => set(event.currentTarget.value)}
          />
        )}
      </Field>
    </div>
  )
}

/** Case-insensitive substring match of a row's text. */
export function matches(text: string, wanted: string): boolean {
  // What a table cut ends with an ellipsis there.
  const stem = wanted
    .trim()
    .replace(/(…|\.{3})$/u, '')
    .toLowerCase()
  return text.toLowerCase().includes(stem) || text.toLowerCase().includes(stem.replaceAll(' ', ''))
}
