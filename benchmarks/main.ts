// `make bench`: the hot steps one by one, then the whole road under an open loop. Prints tables; what is worth keeping is
// written down in docs/decisions/ by whoever measured it. `--quick` for a first look.

import { parseArgs } from 'node:util'
import { approvalsTable, measureApprovals } from './approvals.ts'
import { measureSteps, stepsTable } from './steps.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    bands: { type: 'string', default: '300' },
    rate: { type: 'string', default: '1000,5000' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    listener: { type: 'string', default: 'auto' },
  },
})

console.log('## Hot steps\n')
console.log(stepsTable(await measureSteps()))
for (const rate of values.rate.split(',').map(Number)) {
  const { listener, rounds } = await measureApprovals({
    bands: Number(values.bands),
    perSecond: rate,
    seconds: values.quick ? 3 : Number(values.seconds),
    rounds: values.quick ? 1 : Number(values.rounds),
    listener: values.listener === 'ws' ? 'ws' : 'auto',
    durability: 'disk',
  })
  console.log(`\n## Durable approvals, open loop at ${rate}/s, ${values.bands} bands, listener ${listener}\n`)
  console.log(
    "Engine: from the frame to its answer written. Phone: from the intended start, the band's proof and the network included.\n",
  )
  console.log(approvalsTable(rounds))
  const other = rounds.reduce((sum, round) => sum + round.other, 0)
  console.log(`\napproved ${rounds.reduce((sum, round) => sum + round.approved, 0)}, other ${other}`)
}
