/**
 * The apis and versions that an embedded cluster offers.
 *
 * @module
 */

import { type ApiName, apis } from "../../protocol/apis.ts";
import { assertApiName } from "./faults.ts";
import type { RecordFormat } from "./log_format.ts";

/** First and last version of an api, both included; null for an api that is not offered. */
export type OfferedRange = readonly [min: number, max: number] | null;

/** The ranges of single apis; those left out keep theirs. */
export type OfferedRanges = Partial<Record<ApiName, OfferedRange>>;

/**
 * A release of Kafka to act as: it offers the versions that this one did. Those before 0.11 store and serve message sets,
 * `"0.8"` hangs up on whoever asks for its versions, `"0.9"` says nothing. `"0.10"` is 0.10.2.
 */
export type KafkaRelease = "0.8" | "0.9" | "0.10" | "0.11" | "1.1" | "2.0" | "2.8" | "3.9" | "4.3";

/** Last version of an api in each release; null where the release does not know it. */
type LastVersions = Readonly<Record<Exclude<KafkaRelease, typeof NEWEST>, number | null>>;

/** Offers all that can be spoken. */
const NEWEST = "4.3";

/**
 * As `ApiKeys` of Kafka's clients 0.11.0.3, 1.1.1, 2.0.1, 2.8.2, 3.9.1 and 4.3.1 gives it, and for the releases before as
 * the brokers 0.8.2.2, 0.9.0.1 and 0.10.2.2 have it.
 */
const LAST_VERSIONS: Readonly<Record<ApiName, LastVersions>> = {
  Produce: { "0.8": 0, "0.9": 1, "0.10": 2, "0.11": 3, "1.1": 5, "2.0": 6, "2.8": 9, "3.9": 11 },
  Fetch: { "0.8": 0, "0.9": 1, "0.10": 3, "0.11": 5, "1.1": 7, "2.0": 8, "2.8": 12, "3.9": 17 },
  ListOffsets: { "0.8": 0, "0.9": 0, "0.10": 1, "0.11": 2, "1.1": 2, "2.0": 3, "2.8": 6, "3.9": 9 },
  Metadata: { "0.8": 0, "0.9": 0, "0.10": 2, "0.11": 4, "1.1": 5, "2.0": 6, "2.8": 11, "3.9": 12 },
  FindCoordinator: { "0.8": 0, "0.9": 0, "0.10": 0, "0.11": 1, "1.1": 1, "2.0": 2, "2.8": 3, "3.9": 6 },
  ApiVersions: { "0.8": null, "0.9": null, "0.10": 0, "0.11": 1, "1.1": 1, "2.0": 2, "2.8": 3, "3.9": 4 },
  CreateTopics: { "0.8": null, "0.9": null, "0.10": 1, "0.11": 2, "1.1": 2, "2.0": 3, "2.8": 7, "3.9": 7 },
  InitProducerId: { "0.8": null, "0.9": null, "0.10": null, "0.11": 0, "1.1": 0, "2.0": 1, "2.8": 4, "3.9": 5 },
};

/** The first versions that Kafka 4 offers, where that is not the first that can be spoken (KIP-896). */
const FIRST_VERSIONS: Partial<Record<ApiName, number>> = { Produce: 3, Fetch: 4, ListOffsets: 1, CreateTopics: 2 };

/** What an embedded cluster offers: everything it can, unless told otherwise. */
export class OfferedVersions {
  /** Whether a request that is not on offer is left without an answer, as 0.9 does; else the connection ends. */
  readonly isSilent: boolean;
  readonly #ranges = new Map<ApiName, readonly [min: number, max: number]>();

  /**
   * @param overrides A release or ranges of single apis, to act as an older broker.
   * @throws {RangeError} When there is no such release, or a range goes beyond what can be spoken.
   */
  constructor(overrides: KafkaRelease | OfferedRanges = {}) {
    this.isSilent = overrides === "0.9";
    for (const api of Object.keys(apis) as ApiName[]) {
      this.#ranges.set(api, [FIRST_VERSIONS[api] ?? 0, apis[api].maxVersion]);
    }
    for (const [api, range] of Object.entries(typeof overrides === "string" ? rangesOf(overrides) : overrides)) {
      assertApiName(api);
      if (range === null) this.#ranges.delete(api);
      else if (range !== undefined) this.#ranges.set(api, checkedRange(api, range));
    }
  }

  /** Format in which records are stored: the newest that producers may send. */
  get format(): RecordFormat {
    const last = this.#ranges.get("Produce")?.[1] ?? Infinity;
    return last < 2 ? 0 : last < 3 ? 1 : 2;
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
      minVersion: api === "Produce" && min === FIRST_VERSIONS.Produce ? 0 : min,
      maxVersion: max,
    }));
    return rows.sort((a, b) => a.apiKey - b.apiKey);
  }
}

function rangesOf(release: KafkaRelease): OfferedRanges {
  if (release === NEWEST) return {};
  if (!Object.hasOwn(LAST_VERSIONS.Produce, release)) {
    const known = [...Object.keys(LAST_VERSIONS.Produce), NEWEST].join(", ");
    throw new RangeError(`Cannot act as Kafka ${release}: the releases are ${known}`);
  }
  const rangeOf = (api: ApiName) => {
    const last = LAST_VERSIONS[api][release];
    return [api, last === null ? null : [0, last]];
  };
  return Object.fromEntries((Object.keys(apis) as ApiName[]).map(rangeOf)) as OfferedRanges;
}

function checkedRange(api: ApiName, [min, max]: readonly [number, number]): readonly [number, number] {
  const { minVersion, maxVersion } = apis[api];
  if (min >= minVersion && max <= maxVersion && min <= max) return [min, max];
  throw new RangeError(`Cannot offer ${api} ${min}-${max}: only ${minVersion}-${maxVersion} can be spoken`);
}
