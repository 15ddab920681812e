// Signals of a start: caught before anything else is loaded, and kept until there is something that can obey them. Plain JavaScript, loaded
// first by bin/bandpass: a process 1 never gets a signal that it does not catch, and a start takes seconds.
'use strict'

const key = Symbol.for('bandpass.signals')

if (globalThis[key] === undefined) {
  const kept = []
  let obey
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
    process.on(signal, () => {
      if (obey === undefined) kept.push(signal)
      else obey(signal)
    })
  }
  // Node would open its debugger, to every user of this machine. The launcher turns that off; this is for a start without the launcher.
  process.on('SIGUSR1', () => {})
  globalThis[key] = {
    /** From now on `obey` is told of each signal, first of those that were kept. */
    follow(next) {
      obey = next
      for (const signal of kept.splice(0)) obey(signal)
    },
  }
}

module.exports = globalThis[key]
