// Demo configuration that `bandpass serve --demo` wrote: of the data folder or the demo.json that the command line names, else of .data.
// What goes wrong in an example is said in a sentence; an app would catch each failure where it can do something about it.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { demoWorld } from '../band-sim/demo-world.ts'

const place = process.argv[2] ?? process.env['BANDPASS_DEMO_FILE'] ?? '.data'

process.on('uncaughtException', (error) => {
  console.error(`${error.message}\nIs \`bandpass serve --demo\` running, and ${place} its data folder?`)
  process.exit(1)
})

export const demo = demoWorld(readFileSync(statSync(place).isDirectory() ? join(place, 'demo.json') : place, 'utf8'))
