// Button of an operator's act, shown only to roles that may do it. It opens the dialog that previews, asks why, and acts. The
// dialog is not the button's: what is done may take the button away, and its outcome is still to be read.

import type { OperatorAct } from '../../protocol/operator-api.ts'
import { ActDialog } from './act-dialog.tsx'
import { mayAct } from '../state/roles.ts'
import { signal } from '../state/signals.ts'

type OpenAct = {
  readonly act: OperatorAct
  readonly title: string
  readonly done: (() => void) | undefined
}

const open = signal<OpenAct | undefined>(undefined)

type ActButtonProps = {
  readonly act: OperatorAct
  readonly label: string
  readonly tone?: 'plain' | 'bad'
  /** Called when the dialog closes after something was done. */
  readonly done?: () => void
}

export function ActButton({ act, label, tone, done }: ActButtonProps) {
  if (!mayAct(act.act)) return null
  return (
    <button
      type="button"
      class={tone === 'bad' ? 'danger' : ''}
      onClick={() => {
        open.value = { act, title: label, done }
      }}
    >
      {label}
    </button>
  )
}

/** The act that is being done, if there is one. */
export function OpenActDialog() {
  const { value } = open
  if (value === undefined) return null
  return (
    <ActDialog
      act={value.act}
      title={value.title}
      close={(wasDone) => {
        closeAct()
        if (wasDone) value.done?.()
      }}
    />
  )
}

/** Leaves the act, as when the reader goes to another page. */
export function closeAct(): void {
  open.value = undefined
}
