/**
 * Names that OpenTelemetry has for what a producer does.
 *
 * @module
 * @see {@link https://opentelemetry.io/docs/specs/semconv/messaging/kafka/}
 */

/** Name of the instrumentation: of its meter and of its tracer. */
export const SCOPE = "@ekaf/ekaf";

/** `kafka`, always. */
export const SYSTEM = "messaging.system";
/** `send`, always. */
export const OPERATION_NAME = "messaging.operation.name";
/** `send`, always. */
export const OPERATION_TYPE = "messaging.operation.type";
/** Name of the topic. */
export const TOPIC = "messaging.destination.name";
/** The partition, as text. */
export const PARTITION = "messaging.destination.partition.id";
/** Records in a batch of more than one. */
export const MESSAGE_COUNT = "messaging.batch.message_count";
/** Kafka's name of an error, or its class. */
export const ERROR_TYPE = "error.type";
/** Id of the broker, as text: the conventions have no name for it. */
export const BROKER = "ekaf.broker.id";
