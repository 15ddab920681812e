// Panel of spending limits: what is left of a band's limits today, in each currency.

import type { BandAnswer } from '../../protocol/operator-api.ts'
import { currencyName, formatAmount } from '../parts/money.ts'
import { Empty, Panel, Wide } from '../parts/parts.tsx'

export function BandLimitsPanel({ band }: { readonly band: BandAnswer }) {
  return (
    <Panel title="Limits">
      {band.limits.length === 0 ? (
        <Empty>No currency has a limit, so nothing can be paid.</Empty>
      ) : (
        <Wide label="Limits in each currency">
          <table class="narrow">
            <thead>
              <tr>
                <th scope="col">Currency</th>
                <th scope="col" class="right">
                  Left a use
                </th>
                <th scope="col" class="right">
                  Left today
                </th>
                <th scope="col" class="right">
                  Paid today
                </th>
                <th scope="col" class="right">
                  Receive, left
                </th>
                <th scope="col" class="right">
                  Wearer's own
                </th>
              </tr>
            </thead>
            <tbody>
              {band.limits.map((limit) => (
                <tr key={limit.currency}>
                  <th scope="row">{currencyName(limit.currency)}</th>
                  <td class="number right">{formatAmount(limit.leftToday.useMinor, limit.currency)}</td>
                  <td class="number right">{formatAmount(limit.leftToday.payMinor, limit.currency)}</td>
                  <td class="number right">{formatAmount(limit.usedToday.payMinor, limit.currency)}</td>
                  <td class="number right">{formatAmount(limit.leftToday.receiveMinor, limit.currency)}</td>
                  <td class="number right">{ownText(limit)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
    </Panel>
  )
}

function ownText({ own, currency }: BandAnswer['limits'][number]): string {
  if (own === null) return 'none'
  return `${formatAmount(own.perUseMinor, currency)} a use, ${formatAmount(own.perDayMinor, currency)} a day`
}
