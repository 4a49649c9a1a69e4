/**
 * The apis and versions that an embedded cluster offers.
 *
 * @module
 */

import { type ApiName, apis } from "../../protocol/apis.ts";
import { assertApiName } from "./faults.ts";

/** First and last version of an api, both included; null for an api that is not offered. */
export type OfferedRange = readonly [min: number, max: number] | null;

/** What an embedded cluster offers: everything it can, unless told otherwise. */
export class OfferedVersions {
  readonly #ranges = new Map<ApiName, readonly [min: number, max: number]>();

  /**
   * @param overrides Ranges of single apis, to act as an older broker.
   * @throws {RangeError} When a range goes beyond what can be spoken.
   */
  constructor(overrides: Partial<Record<ApiName, OfferedRange>> = {}) {
    for (const api of Object.keys(apis) as ApiName[]) {
      this.#ranges.set(api, [apis[api].minVersion, apis[api].maxVersion]);
    }
    for (const [api, range] of Object.entries(overrides)) {
      assertApiName(api);
      if (range === null) this.#ranges.delete(api);
      else if (range !== undefined) this.#ranges.set(api, checkedRange(api, range));
    }
  }

  /** Whether a request of that version is answered. */
  offers(api: ApiName, version: number): boolean {
    const range = this.#ranges.get(api);
    return range !== undefined && version >= range[0] && version <= range[1];
  }

  /** The ranges as ApiVersions tells them, by the number of the api. */
  advertised(): { apiKey: number; minVersion: number; maxVersion: number }[] {
    const rows = [...this.#ranges].map(([api, [min, max]]) => ({
      apiKey: apis[api].key,
      // Kafka 4 claims to speak Produce from 0 on, though it does from 3: librdkafka takes anything else for a broker
      // without compression (KAFKA-18659).
      minVersion: api === "Produce" && min === apis.Produce.minVersion ? 0 : min,
      maxVersion: max,
    }));
    return rows.sort((a, b) => a.apiKey - b.apiKey);
  }
}

function checkedRange(api: ApiName, [min, max]: readonly [number, number]): readonly [number, number] {
  const { minVersion, maxVersion } = apis[api];
  if (min >= minVersion && max <= maxVersion && min <= max) return [min, max];
  throw new RangeError(`Cannot offer ${api} ${min}-${max}: only ${minVersion}-${maxVersion} can be spoken`);
}
