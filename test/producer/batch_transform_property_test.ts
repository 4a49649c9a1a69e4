/**
 * Random functions under random faults: every outcome agrees with what the function made of its record and with the log.
 *
 * The function notes each call, and each record it makes carries the number of the call, its place in the result, and the
 * ids of the records it stands for. A failure names its seed.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { BatchTransform, DeliveryError, Outcome, ProducerOptions } from "@ekaf/ekaf";
import { SeededRandom } from "../protocol/seeded_random.ts";
import { rig } from "./rig.ts";

const FAULTS = ["NOT_LEADER_OR_FOLLOWER", "REQUEST_TIMED_OUT", "CORRUPT_MESSAGE", "MESSAGE_TOO_LARGE"];

/** What became of one call of the function. */
interface Call {
  ids: string[];
  kind: string;
  results: number;
}

class Notes {
  readonly calls: Call[] = [];
  /** The last call that saw a record: the one that counts. */
  readonly callOf = new Map<string, number>();

  transform(random: SeededRandom): BatchTransform {
    return (records) => {
      const ids = records.map((record) => record.text().split(" ")[0]!);
      const number = this.calls.length;
      const groups = regroup(ids, random);
      const kind = groups === null ? "throw" : groups.length === ids.length ? "one to one" : "regrouped";
      this.calls.push({ ids, kind, results: groups?.length ?? 0 });
      for (const id of ids) this.callOf.set(id, number);
      if (groups === null) throw new Error("by chance");
      const padding = "x".repeat(random.below(3) === 0 ? 400 : 0);
      return groups.map((group, i) => `${number}/${i}/${group.join(",")}/${padding}`);
    };
  }
}

/** The ids that each resulting record stands for; null for a throw. */
function regroup(ids: readonly string[], random: SeededRandom): string[][] | null {
  switch (random.below(7)) {
    case 0:
      return [[...ids]];
    case 1:
      return [];
    case 2:
      return null;
    case 3:
      return ids.filter(() => random.below(2) === 0).map((id) => [id]);
    case 4:
      return ids.flatMap((id) => [[id], [id]]);
    default:
      return ids.map((id) => [id]);
  }
}

for (let seed = 1; seed <= 40; seed++) {
  Deno.test(`outcomes of rewritten batches agree with the log (seed ${seed})`, async () => {
    const random = new SeededRandom(seed);
    const notes = new Notes();
    const options: Partial<ProducerOptions> = {
      transformBatch: notes.transform(random),
      batchMaxRecords: 1 + random.below(12),
      batchMaxBytes: 1_200,
      partitionMaxBytes: 8_192,
      bufferMaxBytes: 16_384,
      lingerMs: random.below(2) === 0 ? "auto" : 2,
      logger: null,
    };
    await using r = await rig({ topics: { t: 2 } }, options);
    const outcomes = new Map<string, Outcome>();
    const isDone = { value: false };

    const storm = (async () => {
      while (!isDone.value) {
        r.cluster.failNext("Produce", FAULTS[random.below(FAULTS.length)]!, 1, { partition: random.below(2) });
        await new Promise((resolve) => setTimeout(resolve, random.below(4)));
      }
    })();
    await Promise.all(Array.from({ length: 8 }, async (_, caller) => {
      for (let run = 0; run < 6; run++) {
        const ids = Array.from({ length: 1 + random.below(9) }, (_, i) => `${caller}.${run}.${i}`);
        const inputs = ids.map((id) => ({
          value: `${id} ${"-".repeat(random.below(80))}`,
          partition: random.below(2),
        }));
        const options = random.below(5) === 0 ? { timeoutMs: 1 + random.below(5) } : {};
        const results = await r.producer.send("t", inputs, options)
          .catch((error: DeliveryError) => error.outcomes!);
        results.forEach((outcome, i) => outcomes.set(ids[i]!, outcome));
      }
    }));
    isDone.value = true;
    await storm;
    await r.producer.flush();

    check(notes, outcomes, [0, 1].map((partition) => r.cluster.records("t", partition).map((each) => each.text())));
    for (const { bufferedBytes, bufferedRecords } of r.producer.info("t")) {
      assertEquals([bufferedBytes, bufferedRecords], [0, 0]);
    }
  });
}

function check(notes: Notes, outcomes: Map<string, Outcome>, logs: string[][]): void {
  const stored = new Set<string>();
  for (const text of logs.flat()) {
    const ids = text.includes("/") ? text.split("/")[2]!.split(",") : [text.split(" ")[0]!];
    for (const id of ids) stored.add(id);
  }
  for (const [id, outcome] of outcomes) {
    if (outcome.error) {
      assert(outcome.record.text().startsWith(`${id} `), `${id} failed as ${outcome.record.text()}`);
      const isSafe = outcome.error.verdict !== "notPersisted" || !stored.has(id);
      assert(isSafe, `${id} is notPersisted and in the log`);
      continue;
    }
    const number = notes.callOf.get(id)!;
    const call = notes.calls[number]!;
    if (outcome.offset === null) continue; // Acknowledged without an offset: a duplicate, or by a later batch.
    const found = logs[outcome.partition]![Number(outcome.offset)]!;
    if (call.kind === "throw") assert(found.startsWith(`${id} `), `${id} went unchanged, not as ${found}`);
    else if (call.kind === "one to one") {
      assert(found.startsWith(`${number}/${call.ids.indexOf(id)}/${id}/`), `${id} is not ${found}`);
    } else assert(found.startsWith(`${number}/0/`), `${id} is not in ${found}`);
  }
}
