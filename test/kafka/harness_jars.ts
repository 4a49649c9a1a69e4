/**
 * Kafka itself, from Maven Central: the jars of one version, fetched once into a git-ignored folder.
 *
 * @module
 */

/** Versions of Kafka that stand by themselves. */
export type KafkaVersion = "4.3.1" | "3.9.1";

/** Versions of Kafka that need ZooKeeper. */
export type OldKafkaVersion = "2.8.2" | "1.1.1" | "0.10.2.2" | "0.9.0.1" | "0.8.2.2";

/** What one version needs on Java 17, as Maven coordinates; the old ones bring ZooKeeper along. */
const ARTIFACTS: Record<KafkaVersion | OldKafkaVersion, readonly string[]> = {
  // 4.x leaves the choice of a logging backend open; without one a broker dies silently.
  "4.3.1": [
    "org.apache.kafka:kafka_2.13:4.3.1",
    "org.apache.kafka:kafka-tools:4.3.1",
    "org.slf4j:slf4j-simple:1.7.36",
  ],
  "3.9.1": ["org.apache.kafka:kafka_2.13:3.9.1", "org.apache.kafka:kafka-tools:3.9.1"],
  "2.8.2": ["org.apache.kafka:kafka_2.13:2.8.2", "org.slf4j:slf4j-log4j12:1.7.30"],
  "1.1.1": ["org.apache.kafka:kafka_2.12:1.1.1", "log4j:log4j:1.2.17", "org.slf4j:slf4j-log4j12:1.7.25"],
  "0.10.2.2": ["org.apache.kafka:kafka_2.11:0.10.2.2", "javax.xml.bind:jaxb-api:2.3.1"],
  "0.9.0.1": ["org.apache.kafka:kafka_2.11:0.9.0.1"],
  "0.8.2.2": ["org.apache.kafka:kafka_2.11:0.8.2.2"],
};

const MAVEN_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
const MAVEN_TIMEOUT_MS = 15 * 60_000;

/** What to install when a tool is missing. */
const PACKAGES = {
  java: "a JDK of version 17 or later (Debian: openjdk-17-jdk-headless)",
  mvn: "Apache Maven (Debian: maven)",
  kcat: "kcat (Debian: kcat)",
  chromium: "Chromium (Debian: chromium)",
  node: "Node.js 18 or later with npm (Debian: nodejs npm)",
  curl: "curl (Debian: curl)",
  nginx: "nginx (Debian: nginx-light)",
  slowhttptest: "slowhttptest (Debian: slowhttptest)",
} as const;

/** What makes a tool tell that it is there, and end. */
const VERSION_FLAGS: Readonly<Record<Tool, string>> = {
  java: "-version",
  mvn: "-version",
  kcat: "-V",
  chromium: "--version",
  node: "--version",
  curl: "--version",
  nginx: "-v",
  slowhttptest: "-h",
};

/** A program these tests need besides Deno. */
export type Tool = keyof typeof PACKAGES;

const jarsFolder = new URL(".jars/", import.meta.url).pathname;
const pending = new Map<KafkaVersion | OldKafkaVersion, Promise<string>>();

/** Rejects with an `Error` naming the tool and how to get it, if it cannot be run. These tests fail, they never skip. */
export async function requireTool(tool: Tool): Promise<void> {
  try {
    const version = VERSION_FLAGS[tool];
    await new Deno.Command(tool, { args: [version], stdin: "null", stdout: "null", stderr: "null" }).output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new Error(`Cannot run the Kafka tests: "${tool}" is not installed. Install ${PACKAGES[tool]}`, { cause });
  }
}

/** The class path of a version, `folder/*`, after fetching its jars if they are not there yet. */
export function kafkaJars(version: KafkaVersion | OldKafkaVersion): Promise<string> {
  let jars = pending.get(version);
  if (jars === undefined) pending.set(version, jars = fetchJars(version));
  return jars;
}

async function fetchJars(version: KafkaVersion | OldKafkaVersion): Promise<string> {
  await requireTool("java");
  const folder = `${jarsFolder}${version}`;
  const classPath = `${folder}/*`;
  const isComplete = await Deno.stat(folder).then(() => true, () => false);
  if (isComplete) return classPath;
  await requireTool("mvn");
  // Filled aside and renamed at the end: an interrupted copy must not pass for a whole one.
  await Deno.mkdir(jarsFolder, { recursive: true });
  const aside = await Deno.makeTempDir({ dir: jarsFolder, prefix: `${version}-` });
  try {
    await Deno.writeTextFile(`${aside}/pom.xml`, pomOf(ARTIFACTS[version]));
    await runMaven(`${aside}/pom.xml`, `${aside}/jars`);
    await Deno.rename(`${aside}/jars`, folder).catch((error) => {
      // Another run was faster: its jars are the same.
      if (!(error instanceof Deno.errors.AlreadyExists) && error.code !== "ENOTEMPTY") throw error;
    });
  } finally {
    await Deno.remove(aside, { recursive: true });
  }
  return classPath;
}

function pomOf(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [groupId, artifactId, version] = artifact.split(":");
    return `<dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId>` +
      `<version>${version}</version></dependency>`;
  });
  return '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>' +
    "<groupId>ekaf</groupId><artifactId>kafka-jars</artifactId><version>1</version>" +
    `<dependencies>${dependencies.join("")}</dependencies></project>`;
}

async function runMaven(pom: string, outputDirectory: string): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command("mvn", {
    args: ["-B", "-q", "-f", pom, MAVEN_GOAL, `-DoutputDirectory=${outputDirectory}`, "-DincludeScope=runtime"],
    stdin: "null",
    signal: AbortSignal.timeout(MAVEN_TIMEOUT_MS),
  }).output();
  if (code === 0) return;
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  throw new Error(`Cannot fetch Kafka from Maven Central: mvn ended with code ${code}:\n${said.slice(-4_000)}`);
}
