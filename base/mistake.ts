// A mistake of who asked (a client error): what was sent does not fit. It is answered with its message; every other error is ours, and is not.

export class Mistake extends Error {
  override readonly name = 'Mistake'
}
