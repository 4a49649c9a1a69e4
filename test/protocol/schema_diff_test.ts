import { assertEquals } from "@std/assert";
import {
  diffErrorCodes,
  diffMessage,
  type KafkaErrorCode,
  type KafkaMessage,
  splitByRelease,
} from "../../.ci/schema_diff.ts";
import { readZipEntry } from "../../.ci/zip_entry.ts";
import { errorCodes } from "../../protocol/error_codes.ts";
import type { MessageSchema } from "../../protocol/schema.ts";

const schema: MessageSchema = {
  name: "PairRequest",
  apiKey: 7,
  versions: "1-3",
  flexible: "2+",
  fields: [
    { name: "count", type: "int64", default: -1n, ignorable: true },
    {
      name: "pairs",
      type: "[]Pair",
      nullable: "2+",
      fields: [{ name: "left", type: "string", versions: "1+", mapKey: true }],
    },
    { name: "hint", type: "bool", versions: "2+", tag: 0, taggedVersions: "2+" },
  ],
};

/** What Kafka would have for {@linkcode schema}, with a field of a version not spoken here. */
function definition(): KafkaMessage {
  return {
    name: "PairRequest",
    apiKey: 7,
    validVersions: "0-4",
    flexibleVersions: "2+",
    fields: [
      { name: "Count", type: "int64", versions: "0+", default: "-1", ignorable: true, about: "How many." },
      {
        name: "Pairs",
        type: "[]Pair",
        versions: "0+",
        nullableVersions: "2+",
        fields: [{ name: "Left", type: "string", versions: "1+", mapKey: true, entityType: "topicName" }],
      },
      { name: "Hint", type: "bool", versions: "2+", tag: 0, taggedVersions: "2+", ignorable: false },
      { name: "Later", type: "int8", versions: "4+" },
    ],
  };
}

Deno.test("diffMessage() finds nothing when the table mirrors the definition", () => {
  assertEquals(diffMessage(schema, definition()), []);
});

const planted: [what: string, plant: (definition: KafkaMessage) => void, difference: string][] = [
  ["an api key", (d) => d.apiKey = 8, "PairRequest apiKey: here 7, in Kafka 8"],
  ["flexible versions", (d) => d.flexibleVersions = "3+", 'PairRequest flexible: here "2+", in Kafka "3+"'],
  ["fewer versions", (d) => d.validVersions = "0-2", "PairRequest versions: here 1-3, in Kafka 0-2 are stable"],
  [
    "an unstable version",
    (d) => Object.assign(d, { validVersions: "0-3", latestVersionUnstable: true }),
    "PairRequest versions: here 1-3, in Kafka 0-2 are stable",
  ],
  [
    "a further field",
    (d) => d.fields.push({ name: "More", type: "int8", versions: "3+" }),
    "PairRequest fields: here count,pairs,hint, in Kafka count,pairs,hint,more",
  ],
  [
    "another name",
    (d) => d.fields[1]!.fields![0]!.name = "Right",
    "PairRequest.pairs fields: here left, in Kafka right",
  ],
  ["another type", (d) => d.fields[0]!.type = "int32", 'PairRequest.count type: here "int64", in Kafka "int32"'],
  ["other versions", (d) => d.fields[0]!.versions = "1+", 'PairRequest.count versions: here "0+", in Kafka "1+"'],
  [
    "nullable versions",
    (d) => d.fields[1]!.nullableVersions = "3+",
    'PairRequest.pairs nullable: here "2+", in Kafka "3+"',
  ],
  ["another default", (d) => d.fields[0]!.default = 5, "PairRequest.count default: here -1n, in Kafka 5n"],
  ["a mark gone", (d) => d.fields[0]!.ignorable = false, "PairRequest.count ignorable: here true, in Kafka nothing"],
  ["a key", (d) => d.fields[2]!.mapKey = true, "PairRequest.hint mapKey: here nothing, in Kafka true"],
  ["another tag", (d) => d.fields[2]!.tag = 1, "PairRequest.hint tag: here 0, in Kafka 1"],
  [
    "tagged versions",
    (d) => d.fields[2]!.taggedVersions = "3+",
    'PairRequest.hint taggedVersions: here "2+", in Kafka "3+"',
  ],
  [
    "an attribute nobody knows",
    (d) => d.fields[2]!.rounding = "up",
    'PairRequest.hint rounding: here nothing, in Kafka "up"',
  ],
];

for (const [what, plant, difference] of planted) {
  Deno.test(`diffMessage() finds a difference when Kafka has ${what}`, () => {
    const changed = definition();
    plant(changed);

    const differences = diffMessage(schema, changed);

    assertEquals(differences.includes(difference), true, differences.join("\n"));
  });
}

Deno.test("diffErrorCodes() finds names, classes and codes that differ, and nothing else", () => {
  const theirs: KafkaErrorCode[] = errorCodes.filter(({ code }) => code !== 133).map(
    ({ code, name, retriable, refreshMetadata }) => ({ code, name, retriable, invalidMetadata: refreshMetadata }),
  );
  theirs[2] = { ...theirs[2]!, name: "OFFSET_TOO_LOW", retriable: true, invalidMetadata: true };
  theirs.push({ code: 999, name: "NEW", retriable: false, invalidMetadata: false });

  assertEquals(diffErrorCodes(theirs), [
    'error code 1 name: here "OFFSET_OUT_OF_RANGE", in Kafka "OFFSET_TOO_LOW"',
    "error code 1 retriable: here false, in Kafka true",
    "error code 1 refreshMetadata: here false, in Kafka true",
    "error code 999: missing here, in Kafka NEW",
    "error code 133: here SHARE_SESSION_LIMIT_REACHED, missing in Kafka",
  ]);
});

Deno.test("readZipEntry() unpacks the file asked for", async () => {
  // Two files, "a" stored ("first") and "b/c" deflated ("second second second"), made with Python's zipfile.
  const archive = Uint8Array.fromBase64(ARCHIVE);

  const texts = await Promise.all(["a", "b/c"].map(async (name) => {
    return new TextDecoder().decode(await readZipEntry(archive, name));
  }));

  assertEquals(texts, ["first", "second second second"]);
});

const ARCHIVE = "UEsDBBQAAAAAAAAAIVxX7nGSBQAAAAUAAAABAAAAYWZpcnN0UEsDBBQAAAAIAAAAIVzTEQLICwAAABQAAAADAAAAYi9jK05Nzs9L" +
  "UShGpgBQSwECFAMUAAAAAAAAACFcV+5xkgUAAAAFAAAAAQAAAAAAAAAAAAAAgAEAAAAAYVBLAQIUAxQAAAAIAAAAIVzTEQLICwAA" +
  "ABQAAAADAAAAAAAAAAAAAACAASQAAABiL2NQSwUGAAAAAAIAAgBgAAAAUAAAAAAA";

/** A definition that has dropped versions 0 and 1, with a field that only they had. */
function newer(): { current: KafkaMessage; older: KafkaMessage } {
  const current = { ...definition(), validVersions: "2-4" };
  const older = definition();
  older.validVersions = "0-3";
  older.fields.splice(1, 0, { name: "Old", type: "int8", versions: "0-1", ignorable: true });
  return { current, older };
}

const withOld: MessageSchema = {
  ...schema,
  versions: "0-3",
  fields: [schema.fields[0]!, { name: "old", type: "int8", versions: "0-1" }, ...schema.fields.slice(1)],
};

Deno.test("splitByRelease() finds nothing when dropped versions mirror the older release", () => {
  const { current, older } = newer();

  const split = splitByRelease(withOld, current, older);

  assertEquals(split.differences, []);
  assertEquals(diffMessage(split.current, current), []);
});

Deno.test("splitByRelease() finds a difference when a dropped version has another field", () => {
  const { current, older } = newer();
  older.fields[1]!.type = "int16";

  const { differences } = splitByRelease(withOld, current, older);

  assertEquals(differences, ['PairRequest.old type: here "int8", in Kafka "int16"']);
});

Deno.test("splitByRelease() finds a difference when a dropped version was never spoken", () => {
  const { current, older } = newer();
  older.validVersions = "1-3";

  const { differences } = splitByRelease(withOld, current, older);

  assertEquals(differences, ["PairRequest versions: here 0-1, in Kafka 1-3 are stable"]);
});

Deno.test("splitByRelease() changes nothing when Kafka has dropped no version", () => {
  const split = splitByRelease(schema, definition(), definition());

  assertEquals(split, { current: schema, differences: [] });
});
