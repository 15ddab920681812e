// Panel of enrolled phones of the band's account: which there are, what each may do now, and their removal, which takes two operators since it
// takes a veto of the owner's away.

import type { AccountPhone, BandAnswer } from '../../protocol/operator-api.ts'
import { ActButton } from '../parts/act-button.tsx'
import { Empty, Id, Panel, Tag, Time, Wide } from '../parts/parts.tsx'

export function BandPhonesPanel({ band, done }: { readonly band: BandAnswer; readonly done: () => void }) {
  const { bandId, phones } = band
  return (
    <Panel title="Phones of its account" class="span">
      {phones.length === 0 ? (
        <Empty>{band.account === null ? 'The band belongs to no account.' : 'None is enrolled.'}</Empty>
      ) : (
        <Wide label="Phones of its account">
          <table class="phones">
            <thead>
              <tr>
                <th scope="col">Phone</th>
                <th scope="col">Now</th>
                <th scope="col">Enrolled</th>
                <th scope="col">Seen, to a week</th>
                <th scope="col">
                  <span class="unseen">Acts</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {phones.map((phone) => (
                <tr key={phone.phoneId}>
                  <th scope="row">
                    <Id>{phone.phoneId}</Id>
                  </th>
                  <td>
                    <Standing phone={phone} />
                  </td>
                  <td>
                    <Time atMs={phone.enrolledAtMs} />
                  </td>
                  <td>
                    <Time atMs={phone.seenAtMs} />
                  </td>
                  <td>
                    <ActButton
                      act={{ act: 'remove-phone', bandId, phoneId: phone.phoneId }}
                      label="Remove phone"
                      tone="bad"
                      done={done}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
    </Panel>
  )
}

function Standing({ phone }: { readonly phone: AccountPhone }) {
  const { live, pendingUntilMs, removeAtMs } = phone
  return (
    <>
      <Tag tone={live ? 'good' : 'plain'}>{live ? 'live' : 'away'}</Tag>
      {pendingUntilMs !== null && (
        <>
          {' '}
          <Tag tone="warn">pending</Tag> until <Time atMs={pendingUntilMs} />
        </>
      )}
      {removeAtMs !== null && (
        <>
          {' '}
          <Tag tone="bad">suspended</Tag> removed <Time atMs={removeAtMs} />
        </>
      )}
    </>
  )
}
