// Checks whether a port has a listener already. uWebSockets can only refuse a shared port or reuse one whose last connections are
// still dying, not both; an engine must do both: two never share a port, and one that was killed comes back at once.

import { createServer } from 'node:net'
import { ListenError } from './listener.ts'

/** Rejects with a `ListenError` that has the system's reason (`EADDRINUSE`, …) when the address cannot be had now. */
export function checkPortFree(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    // Node's own listening socket reuses addresses in TIME_WAIT and is refused by a live listener.
    const probe = createServer()
    probe.once('error', (error) =>
      reject(new ListenError(`cannot listen on ${host}:${port}: ${error.message}`, { cause: error })),
    )
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()))
  })
}
