/**
 * Which events are logged, and how.
 *
 * @module
 */

import type { ProducerEventMap, ProducerEventType } from "../events.ts";
import type { Log } from "../logger.ts";

/** An event, and whether anybody listens to it. */
export type LoggedEvent = {
  [K in ProducerEventType]: { readonly type: K; readonly detail: ProducerEventMap[K]; readonly isHeard: boolean };
}[ProducerEventType];

/**
 * Logs what nobody would learn of otherwise: lost records as errors. Changes of connections and leaders are logged for
 * whoever looks for a fault; what happens with every batch or attempt is not.
 *
 * @param log Where to.
 * @param event The event.
 */
export function logEvent(log: Log, event: LoggedEvent): void {
  switch (event.type) {
    case "flush":
    case "flushreplied":
      return; // Every batch comes by here: first, and without any cost.
    case "deliveryfailed": {
      if (event.isHeard) return;
      const { topic, count, error } = event.detail;
      const text = `${count} records of ${JSON.stringify(topic)} are lost, and nobody listens to "deliveryfailed"`;
      return log("error", "deliveryfailed", `${text}: ${error.message}`, { topic, error });
    }
    case "dataloss": {
      const { topic, partition } = event.detail;
      const text = `The log of ${JSON.stringify(topic)} partition ${partition} has lost acknowledged records`;
      return log("error", "dataloss", text, event.detail);
    }
    case "laneup":
      return log("debug", event.type, `${nameOf(event.detail)} is connected: broker ${event.detail.broker}`);
    case "lanedown":
      return log("debug", event.type, `${nameOf(event.detail)} is not connected any more`, event.detail);
    case "timetoconnect":
      return log("debug", event.type, `Connected to ${event.detail.address}`, event.detail);
    case "metadatachanged":
      return log("debug", event.type, `${JSON.stringify(event.detail.topic)} has changed`, event.detail);
    case "throttled":
      return log("debug", event.type, `Broker ${event.detail.broker} asks for ${event.detail.ms} ms without requests`);
  }
}

function nameOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${JSON.stringify(topic)} partition ${partition}`;
}
