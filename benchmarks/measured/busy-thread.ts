// CPU load generator: a thread that takes a part of a core, two milliseconds at a time, as a load or an engine beside what is
// measured would.

const periodMs = 2
const busyShare = 0.6
const never = new Int32Array(new SharedArrayBuffer(4))

for (;;) {
  const untilMs = performance.now() + periodMs * busyShare
  while (performance.now() < untilMs);
  Atomics.wait(never, 0, 0, periodMs * (1 - busyShare))
}
