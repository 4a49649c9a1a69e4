/**
 * The gateways that are compared, and how each is fetched and started.
 *
 * @module
 */

import { installNpmPackages, peersFolder } from "../peers/peers.ts";
import { GATEWAY_V8_FLAGS } from "../../test/kafka/gateway_process.ts";
import type { ServerCommand } from "./server.ts";

/** Where a gateway has to listen, and what it has to write to. */
export interface Place {
  port: number;
  /** `host:port`. */
  bootstrap: string;
  topic: string;
}

/** A gateway, or one of its routes. */
export interface GatewayContestant {
  /** Whether its answer says that Kafka has the record: then each must be in the log. */
  isAcknowledged: boolean;
  /** Whether its answers say nothing of records. */
  isFloor?: boolean;
  path(topic: string): string;
  start(place: Place): ServerCommand | Promise<ServerCommand>;
}

const root = new URL("../../", import.meta.url).pathname;
const here = new URL("./", import.meta.url).pathname;
const work = `${here}.work`;
const TELEGRAF = "github.com/influxdata/telegraf/cmd/telegraf@v1.37.2";
/** All of its plugins would take half an hour to build. */
const TELEGRAF_TAGS = [
  "custom",
  "inputs.http_listener_v2",
  "outputs.kafka",
  "parsers.value",
  "serializers.template",
].join(",");

/** The contestants by name. */
export const GATEWAYS: Readonly<Record<string, GatewayContestant>> = {
  "read-only": {
    isAcknowledged: false,
    isFloor: true,
    path: () => "/",
    start: ({ port }) => ({ command: Deno.execPath(), args: ["run", "-A", `${here}reader.ts`, `${port}`] }),
  },
  "ekaf /async": ekaf("/async/", false),
  "ekaf /async as V8 comes": ekaf("/async/", false, []),
  "ekaf /batch/async": ekaf("/batch/async/", false),
  "ekaf /sync": ekaf("/sync/", true),
  "ekaf /batch/sync": ekaf("/batch/sync/", true),
  "telegraf": {
    isAcknowledged: false,
    path: () => "/telegraf",
    start: async ({ port, bootstrap, topic }) => {
      const config = await Deno.makeTempFile({ suffix: ".toml" });
      await Deno.writeTextFile(config, telegrafConfig({ port, bootstrap, topic }));
      return { command: await buildTelegraf(), args: ["--config", config, "--quiet"] };
    },
  },
  "kafkajs": {
    isAcknowledged: true,
    path: () => "/",
    start: async ({ port, bootstrap, topic }) => {
      await installNpmPackages();
      const args = [`${here}kafkajs_gateway.mjs`, `${port}`, bootstrap, topic];
      return { command: `${peersFolder}/node_modules/.bin/node`, args, cwd: peersFolder };
    },
  },
};

function ekaf(path: string, isAcknowledged: boolean, runFlags = GATEWAY_V8_FLAGS): GatewayContestant {
  return {
    isAcknowledged,
    path: (topic) => `${path}${topic}`,
    start: ({ port, bootstrap }) => ({
      command: Deno.execPath(),
      args: ["run", "-A", ...runFlags, "src/cli/main.ts", "gateway", "--port", `${port}`, "--bootstrap", bootstrap],
      cwd: root,
    }),
  };
}

function telegrafConfig({ port, bootstrap, topic }: Place): string {
  return `[agent]
  omit_hostname = true
  flush_interval = "100ms"
  flush_jitter = "0s"
  metric_batch_size = 5000
  metric_buffer_limit = 2000000
[[inputs.http_listener_v2]]
  service_address = "tcp://127.0.0.1:${port}"
  paths = ["/telegraf"]
  data_format = "value"
  data_type = "string"
[[outputs.kafka]]
  brokers = ["${bootstrap}"]
  topic = "${topic}"
  required_acks = -1
  data_format = "template"
  template = '{{ .Field "value" }}'
`;
}

/** `TELEGRAF` of the environment, or one built by Go, which takes minutes the first time. */
async function buildTelegraf(): Promise<string> {
  const given = Deno.env.get("TELEGRAF");
  if (given !== undefined) return given;
  const program = `${work}/telegraf`;
  if (await Deno.stat(program).then(() => true, () => false)) return program;
  await Deno.mkdir(work, { recursive: true });
  const { success } = await new Deno.Command("go", {
    args: ["install", "-tags", TELEGRAF_TAGS, TELEGRAF],
    env: { GOBIN: work },
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot build ${TELEGRAF}: see above`);
  return program;
}
