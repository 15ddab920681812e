// Example: has Bandpass tell its traces to an OpenTelemetry collector. The SDK is yours to install; this file stands beside it.
//
//   npm install --prefix /opt/bandpass-otel @opentelemetry/sdk-node
//   cp ops/otel.mjs /opt/bandpass-otel/
//   NODE_OPTIONS="--import /opt/bandpass-otel/otel.mjs" bin/bandpass serve
//
// OTEL_TRACES_EXPORTER, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER and the other variables of OpenTelemetry say where to
// and how many; by default OTLP to localhost.
import { isMainThread } from 'node:worker_threads'

// Every thread loads this file. Only the first one makes spans.
if (isMainThread) {
  process.env.OTEL_SERVICE_NAME ??= 'bandpass'
  // Bandpass gives its figures to Prometheus, and its log to stderr.
  process.env.OTEL_METRICS_EXPORTER ??= 'none'
  process.env.OTEL_LOGS_EXPORTER ??= 'none'
  const { NodeSDK } = await import('@opentelemetry/sdk-node')
  new NodeSDK().start()
}
