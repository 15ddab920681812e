// Panel of a band's presence evidence: what speaks now for the wearer being there. Countdowns tick down here between two readings.

import type { BandAnswer } from '../../protocol/operator-api.ts'
import { proximityName } from '../parts/proximity.ts'
import { Fact, Facts, Panel, Tag, Time } from '../parts/parts.tsx'
import { formatDuration } from '../parts/times.ts'

type BandEvidenceProps = {
  readonly band: BandAnswer
  /** How long ago the band was read, ms. */
  readonly sinceReadMs: number
}

export function BandEvidence({ band, sinceReadMs }: BandEvidenceProps) {
  const nowMs = band.nowMs + sinceReadMs
  const { arm, session, proximity, resume, pending } = band
  const link = session?.link ?? null
  return (
    <Panel title="Evidence" aside={<span class="muted">as read {formatDuration(sinceReadMs)} ago</span>}>
      <Facts>
        <Fact name="Worn">{wornText(band)}</Fact>
        <Fact name="Presence">
          {link === null ? <Tag tone="plain">no link</Tag> : <Presence left={link.leaseLeftMs - sinceReadMs} />}
        </Fact>
        <Fact name="Proximity">
          {proximity === null ? (
            'none told'
          ) : (
            <>
              {proximityName(proximity.level)}, at the newest decision, {formatDuration(nowMs - proximity.atMs)} ago
            </>
          )}
        </Fact>
        <Fact name="Verified">
          {arm.verifiedAtMs === null ? 'not in this arming' : `${formatDuration(nowMs - arm.verifiedAtMs)} ago`}
        </Fact>
        <Fact name="Armed until">
          <Time atMs={arm.untilMs} />
          {arm.untilMs !== null && ` (${arm.untilMs > nowMs ? `${formatDuration(arm.untilMs - nowMs)} left` : 'over'})`}
        </Fact>
        <Fact name="Arm epoch, of owner epoch">
          {arm.epoch}, {arm.ownerEpoch}
        </Fact>
        <Fact name="Session">{session === null ? 'none' : session.kind}</Fact>
        {link !== null && (
          <>
            <Fact name="Heartbeat">
              {link.tick}, {formatDuration(link.tickAgeMs + sinceReadMs)} ago
            </Fact>
            <Fact name="Link up">
              phase {link.up.phase}, record {link.up.ctr}
            </Fact>
            <Fact name="Link down">
              phase {link.down.phase}, record {link.down.ctr}
            </Fact>
            <Fact name="Records that were not authentic">
              {link.badTags === 0 ? '0' : <Tag tone="bad">{link.badTags}</Tag>}
            </Fact>
          </>
        )}
        {resume !== null && (
          <>
            <Fact name="Resumes with these keys">{resume.resumes}</Fact>
            <Fact name="Keys new since">
              <Time atMs={resume.rekeyedAtMs} />
            </Fact>
          </>
        )}
      </Facts>
      {pending.map((change) => (
        <p key={change.change + change.dueAtMs} class="notice warn">
          {change.change} by {change.begunBy}, due <Time atMs={change.dueAtMs} /> (in{' '}
          {formatDuration(change.dueAtMs - nowMs)})
        </p>
      ))}
    </Panel>
  )
}

function Presence({ left }: { readonly left: number }) {
  return left > 0 ? <Tag tone="good">present, {formatDuration(left)} left</Tag> : <Tag tone="warn">lease is over</Tag>
}

function wornText({ session, wearEpoch }: BandAnswer): string {
  const link = session?.link ?? null
  return link === null ? `not told (wear epoch ${wearEpoch})` : `${link.wear} (wear epoch ${link.wearEpoch})`
}
