import { assertEquals } from "@std/assert";
import { bodyDecoder } from "../../../src/gateway/body/body_formats.ts";
import { bytesOf, decodeAnyhow, latin1 } from "./decoding.ts";

const limits = { maxRecordBytes: 1_000, maxHeaders: 8, maxHeaderBytes: 200 };

function decode(headers: Record<string, string>, body: string) {
  const request = { headers: new Headers(headers), query: new URLSearchParams(), limits };
  return decodeAnyhow(() => bodyDecoder(request), bytesOf(body));
}

const structured = (body: string) => decode({ "content-type": "application/cloudevents+json; charset=UTF-8" }, body);
const batched = (body: string) => decode({ "content-type": "application/cloudevents-batch+json" }, body);

const BINARY = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t" };
const JSON_EVENT = '"specversion":"1.0","id":"1","source":"/s","type":"t"';
const ATTRIBUTES = [["ce_specversion", "1.0"], ["ce_id", "1"], ["ce_source", "/s"], ["ce_type", "t"]];

Deno.test("a CloudEvent in binary mode has its attributes in the request's headers", () => {
  const decoded = decode(
    { ...BINARY, "ce-subject": "a%20%C3%A9%25", "ce-partitionkey": "k", "content-type": "text/xml" },
    "<a/>\n",
  );

  assertEquals(decoded.fault, null);
  assertEquals(decoded.records, [{
    key: "k",
    value: "<a/>\n",
    headers: [
      ["ce_id", "1"],
      ["ce_partitionkey", "k"],
      ["ce_source", "/s"],
      ["ce_specversion", "1.0"],
      ["ce_subject", latin1("a é%")],
      ["ce_type", "t"],
      ["content-type", "text/xml"],
    ],
  }]);
});

Deno.test("a CloudEvent's attribute that cannot be decoded stands for itself", () => {
  const [record] = decode({ ...BINARY, "ce-subject": "100%" }, "").records as { headers: [string, string][] }[];

  assertEquals(record!.headers.find(([name]) => name === "ce_subject"), ["ce_subject", "100%"]);
});

Deno.test("a CloudEvent in structured mode has JSON data forwarded as it was written", () => {
  const decoded = structured(
    ` {${JSON_EVENT},"partitionkey":"k","n":7,"b":true,"x":null,"data":{"2":1.0, "1":12345678901234567890}} `,
  );

  assertEquals(decoded.records, [{
    key: "k",
    value: '{"2":1.0, "1":12345678901234567890}',
    headers: [...ATTRIBUTES, ["ce_partitionkey", "k"], ["ce_n", "7"], ["ce_b", "true"], [
      "content-type",
      "application/json",
    ]],
  }]);
});

Deno.test("a CloudEvent's data is text, bytes or nothing as its content type and field say", () => {
  const value = (more: string) => (structured(`{${JSON_EVENT}${more}}`).records[0] as { value: unknown }).value;

  assertEquals(value(',"datacontenttype":"text/plain","data":"a\\n\\"é\\""'), latin1('a\n"é"'));
  assertEquals(value(',"datacontenttype":"application/vnd.x+json","data":"a"'), '"a"');
  assertEquals(value(',"datacontenttype":"text/plain","data":{"a":1}'), '{"a":1}');
  assertEquals(value(',"data_base64":"AP8="'), "\0\xff");
  assertEquals(value(',"data":null'), null);
  assertEquals(value(""), null);
});

Deno.test("a batch of CloudEvents is a record each, and a fault names its event", () => {
  assertEquals(batched(`[{${JSON_EVENT}}, {${JSON_EVENT},"data":1}]`).records.length, 2);
  assertEquals(batched("[]"), { records: [], lines: [], fault: null });

  const decoded = batched(`[{${JSON_EVENT}},{"id":"2"}]`);

  assertEquals(decoded.records.length, 1);
  assertEquals(decoded.fault, {
    code: "INVALID_METADATA",
    line: 2,
    message: 'Cannot take the event: the attribute "source" is missing',
  });
});

Deno.test("a CloudEvent that is none is refused", () => {
  const faults: [decoded: ReturnType<typeof structured>, message: string][] = [
    [decode({ ...BINARY, "ce-id": "" }, ""), 'Cannot take the event: the attribute "id" is missing'],
    [decode({ ...BINARY, "ce-specversion": "0.3" }, ""), 'Cannot take the event: "specversion" must be "1.0"'],
    [
      decode({ ...BINARY, "ce-a_b": "1" }, ""),
      "Cannot take the event: names of attributes are made of the characters a-z 0-9",
    ],
    [structured("[]"), "Cannot read the event: it must be a JSON object"],
    [
      structured(`{${JSON_EVENT},"A":"1"}`),
      "Cannot take the event: names of attributes are made of the characters a-z 0-9",
    ],
    [
      structured(`{${JSON_EVENT},"a":{}}`),
      "Cannot take the event: attributes must be texts, whole numbers or booleans",
    ],
    [structured(`{${JSON_EVENT},"data":1,"data_base64":"AA=="}`), "Cannot take the event: it has data twice"],
    [structured(`{${JSON_EVENT},"data_base64":"*"}`), 'Cannot take the event: "data_base64" is not base64'],
    [
      structured(`{${JSON_EVENT},"a":"1","b":"1","c":"1","d":"1","e":"1"}`),
      "Cannot take the headers: a record may have 8 of them, not 9",
    ],
    [
      structured(`{${JSON_EVENT},"a":"${"x".repeat(200)}"}`),
      "Cannot take the headers: those of a record may have 200 bytes, not 246",
    ],
  ];
  for (const [decoded, message] of faults) assertEquals(decoded.fault?.message, message);
});
