// Worker thread for bulk import: makes bindings from the seed and hands them to the engine's import, a thousand at a time. Making
// them is as much work as taking them, so it must not share a thread with anything that is measured.

import { parentPort, workerData } from 'node:worker_threads'
import { encodeImport, importBindingsMax } from '../../protocol/messages/imported-binding.ts'
import { AdminClient } from '../../sdk/admin/admin-client.ts'
import { FleetSeed, fleetVendor } from './fleet-seed.ts'
import type { ProvisionOrder } from './provision.ts'

/** Requests on their way at once: one is being made while the others are stored. */
const underWayMax = 4

// Not awaited: V8 crashes when a thread is ended just as its module, having awaited, is done.
void provision()

async function provision(): Promise<void> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- provision.ts started this thread with one
  const order = workerData as ProvisionOrder
  const { first, count, seed, atMs, url, adminToken } = order
  const done = new Int32Array(order.done)
  const fleet = new FleetSeed(seed)
  const admin = new AdminClient(url, adminToken)
  const underWay = new Set<Promise<void>>()
  const failure: { why?: unknown } = {}
  for (let at = 0; at < count && failure.why === undefined; at += importBindingsMax) {
    const size = Math.min(importBindingsMax, count - at)
    const bytes = encodeImport(Array.from({ length: size }, (_, index) => fleet.binding(first + at + index, atMs)))
    const sent = send(admin, bytes, { size, done, failure })
    underWay.add(sent)
    void sent.then(() => underWay.delete(sent))
    if (underWay.size >= underWayMax) await Promise.race(underWay)
  }
  await Promise.all(underWay)
  parentPort?.postMessage(failure.why ?? null)
}

/** One request; what went wrong is told to the others, never thrown: no caller awaits it yet. */
async function send(
  admin: AdminClient,
  bytes: Uint8Array<ArrayBuffer>,
  told: { readonly size: number; readonly done: Int32Array; readonly failure: { why?: unknown } },
): Promise<void> {
  try {
    const { imported, refused } = await admin.import(bytes)
    Atomics.add(told.done, 0, imported)
    const [worst] = refused
    if (worst !== undefined)
      told.failure.why ??= `${refused.length} of ${told.size} bindings were refused: ${worst.reason}${adviceOf(worst.reason)}`
  } catch (error) {
    told.failure.why ??= error instanceof Error ? error.message : String(error)
  }
}

/** What to do about a refusal that an operator caused, and can take back. */
function adviceOf(reason: string): string {
  if (reason !== 'vendor-revoked') return ''
  const { vendor, model } = fleetVendor
  return `; the fleet's bands are of vendor ${vendor}, model ${model}: see bandpass vendor list, then bandpass vendor restore --vendor ${vendor} --model ${model}`
}
