import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../src/cli/flags.ts";
import { parseProduceArguments } from "../../src/cli/produce_arguments.ts";

const NEEDED = ["--bootstrap", "localhost", "--topic", "t"];

Deno.test("parseProduceArguments() needs no more than brokers and a topic", () => {
  const settings = parseProduceArguments(NEEDED)!;

  const { bootstrap, topic, paths, partition, acks, isPatient, isJson } = settings;
  assertEquals({ bootstrap, topic, paths, partition, acks, isPatient, isJson }, {
    bootstrap: ["localhost"],
    topic: "t",
    paths: ["-"],
    partition: undefined,
    acks: "all",
    isPatient: false,
    isJson: false,
  });
});

Deno.test("parseProduceArguments() reads every option", () => {
  const settings = parseProduceArguments([
    ...["a.txt", "--bootstrap", "k1:1,k2:2", "--bootstrap", "[::1]:3", "--topic=x.y_z-1", "--partition", "7"],
    ...["--acks", "0", "--wait", "-", "b.txt"],
  ])!;

  assertEquals(settings.bootstrap, ["k1:1,k2:2", "[::1]:3"]);
  assertEquals(settings.topic, "x.y_z-1");
  assertEquals(settings.paths, ["a.txt", "-", "b.txt"]);
  assertEquals(settings.partition, 7);
  assertEquals(settings.acks, 0);
  assertEquals(settings.isPatient, true);
});

Deno.test("parseProduceArguments() reads acks as all, -1, 1 and 0", () => {
  const acksOf = (text: string) => parseProduceArguments([...NEEDED, `--acks=${text}`])!.acks;

  assertEquals(["all", "-1", "1", "0"].map(acksOf), ["all", "all", 1, 0]);
});

Deno.test("parseProduceArguments() reads how old brokers are", () => {
  const protocolOf = (...args: string[]) => parseProduceArguments([...NEEDED, ...args])!.protocol;

  assertEquals([protocolOf(), protocolOf("--protocol", "auto")], ["auto", "auto"]);
  assertEquals([protocolOf("--protocol", "0.8"), protocolOf("--protocol=0.9")], ["0.8", "0.9"]);
});

Deno.test("parseProduceArguments() reads a codec, and its level", () => {
  const compressionOf = (...args: string[]) => parseProduceArguments([...NEEDED, ...args])!.compression;

  assertEquals(compressionOf(), "none");
  assertEquals(compressionOf("--compression", "lz4"), "lz4");
  assertEquals(compressionOf("--compression=gzip:9"), { codec: "gzip", level: 9 });
  assertEquals(compressionOf("--compression=zstd:-5"), { codec: "zstd", level: -5 });
});

Deno.test("parseProduceArguments() asks for the help, whatever else there is", () => {
  assertEquals(parseProduceArguments(["--help"]), null);
  assertEquals(parseProduceArguments(["-h"]), null);
  assertEquals(parseProduceArguments([...NEEDED, "--acks", "x", "--help"]), null);
});

Deno.test("parseProduceArguments() names the argument that is wrong", async (t) => {
  const cases: [args: string[], ...parts: string[]][] = [
    [["--topic", "t"], "--bootstrap"],
    [["--bootstrap", "a"], "--topic"],
    [["--bootstrap", "a", "--topic="], "--topic"],
    [["--bootstrap", "a", "--topic", "a b"], '--topic "a b"', "letters"],
    [["--bootstrap", "a", "--topic", ".."], '--topic ".."'],
    [["--bootstrap", "a:x", "--topic", "t"], "--bootstrap a:x", "port"],
    [["--bootstrap", "a:70000", "--topic", "t"], "--bootstrap a:70000", "from 1 to 65535"],
    [["--bootstrap", "http://a", "--topic", "t"], "--bootstrap http://a"],
    [["--bootstrap", ",", "--topic", "t"], "--bootstrap ,"],
    [[...NEEDED, "--acks", "2"], '--acks "2"', "all, 1 or 0"],
    [[...NEEDED, "--protocol", "0.10"], '--protocol "0.10"', "auto, 0.8 or 0.9"],
    [[...NEEDED, "--partition", "-1"], '--partition "-1"'],
    [[...NEEDED, "--partition", "one"], '--partition "one"'],
    [[...NEEDED, "--partition", "2147483648"], "--partition"],
    [[...NEEDED, "--header", "name"], '--header "name"', "NAME=VALUE"],
    [[...NEEDED, "--header", "=value"], '--header "=value"'],
    [[...NEEDED, "--key-separator", ""], "--key-separator"],
    [[...NEEDED, "--key-separator", "\n"], "--key-separator", "line break"],
    [[...NEEDED, "--json-records", "--null"], "--null", "--json-records"],
    [[...NEEDED, "--json-records", "--key-separator", ":"], "--key-separator", "--json-records"],
    [[...NEEDED, "-", "a", "-"], '"-"'],
    [[...NEEDED, "a", ""], "argument 2", "empty"],
    [[...NEEDED, "--compression", "brotli"], '--compression "brotli"', '"gzip"'],
    [[...NEEDED, "--compression", "gzip:10"], '--compression "gzip:10"', "from 1 to 9"],
    [[...NEEDED, "--compression", "gzip:high"], '--compression "gzip:high"', "a number"],
    [[...NEEDED, "--compression", "gzip:1:2"], '--compression "gzip:1:2"', "CODEC:LEVEL"],
    [[...NEEDED, "--compression", "lz4:1"], '--compression "lz4:1"', "no levels"],
    [[...NEEDED, "--compress", "gzip"], "--compress", "no such option"],
  ];
  for (const [args, ...parts] of cases) {
    await t.step(args.join(" "), () => {
      const error = assertThrows(() => parseProduceArguments(args), UsageError);
      for (const part of parts) assertStringIncludes(error.message, part);
    });
  }
});
