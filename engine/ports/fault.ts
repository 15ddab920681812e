// A failure of the outside world: a stable code, a cause, and whether trying again may help.

export type FaultCode =
  | 'journal-failed'
  | 'journal-damaged'
  | 'view-failed'
  | 'view-damaged'
  | 'data-in-use'
  | 'keys-missing'
  | 'file-damaged'
  | 'file-not-private'
  | 'file-older'
  | 'issuer-unreachable'
  | 'not-written'
  | 'file-unfit'
  | 'too-few-open-files'
  | 'clock-ahead'
  | 'clock-behind'

/** Thrown or rejected by ports; its message says what was expected, what was found, and what to do. */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: FaultCode
  readonly retry: boolean

  constructor(code: FaultCode, message: string, options: { readonly retry?: boolean; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retry = options.retry ?? false
  }
}
