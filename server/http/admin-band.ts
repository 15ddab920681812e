// One band over the admin API. To open an account's id is an act of its own: it needs a reason, and the journal has it before
// it is told.

import type { InspectBand } from '../../engine/operators/inspect-band.ts'
import type { HttpAnswer } from '../../transport/listener.ts'
import { type BandRequest, bandNameExpected } from './admin-requests.ts'
import { jsonAnswer, refusal } from './json-answer.ts'
import type { Log } from '../log/log.ts'
import { nextTurn } from '../machine/next-turn.ts'

/** There is one token, so this is all that is known of who asks. */
const operator = 'operator:admin-token'

/** Answers 200 with a band, or with the bands of an account that has several. */
export async function bandAnswer(
  { inspectBand, log }: { readonly inspectBand: InspectBand; readonly log: Log },
  { named, decisionsMax, openReason }: BandRequest,
): Promise<HttpAnswer> {
  const open = openReason === undefined ? undefined : ({ by: operator, reason: openReason } as const)
  const inspected = await inspectBand(named, { decisionsMax, open, pause: nextTurn })
  switch (inspected.type) {
    case 'band':
      if (open !== undefined) log('info', 'admin.account-opened', { bandId: inspected.bandId, ...open })
      return jsonAnswer(200, inspected)
    case 'account':
      if (open !== undefined) log('info', 'admin.account-opened', { bands: inspected.bands.length, ...open })
      return jsonAnswer(200, inspected)
    case 'several':
      return jsonAnswer(200, inspected)
    case 'unknown':
      return refusal(404, 'unknown-band', `${bandNameExpected} that has a band here expected`)
    case 'refused':
      return inspected.error === 'storage-full'
        ? refusal(503, 'storage-full', 'expected room on the disk, for the journal to say who opened the account', 5)
        : refusal(503, 'unavailable', 'expected a journal that works, to say who opened the account; see /readyz', 1)
  }
}
