/**
 * What a producer can be measured by while it runs, to see what that costs.
 *
 * @module
 */

import type { Producer } from "@ekaf/ekaf";

/** Their names. `opentelemetry` needs `OTEL_DENO=true`, and exports to wherever the environment says, or to nobody. */
export const measures: readonly string[] = ["none", "prometheus", "opentelemetry", "statsd"];

/**
 * Measures a producer until what is returned is disposed of. The modules are loaded only where they are used.
 *
 * @param producer The producer.
 * @param name One of {@linkcode measures}.
 */
export async function measure(producer: Producer, name: string): Promise<AsyncDisposable> {
  const disposables = new AsyncDisposableStack();
  switch (name) {
    case "none":
      break;
    case "prometheus": {
      const { prometheus } = await import("@ekaf/ekaf/metrics");
      disposables.use(prometheus(producer));
      break;
    }
    case "opentelemetry": {
      const { openTelemetry } = await import("@ekaf/ekaf/metrics");
      disposables.use(openTelemetry(producer));
      break;
    }
    case "statsd": {
      const { statsd } = await import("@ekaf/ekaf/statsd");
      disposables.use(statsd(producer));
      break;
    }
    default:
      throw new RangeError(`Cannot measure by "${name}": it is none of ${measures.join(", ")}`);
  }
  return disposables;
}
