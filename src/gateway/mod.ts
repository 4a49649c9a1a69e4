/**
 * An HTTP gateway to Kafka: a function from requests to answers.
 *
 * @module
 */

export { createGateway, type Gateway } from "./gateway.ts";
export {
  anyOf,
  type BasicUser,
  basicUsers,
  bearerTokens,
  type PrincipalOrName,
  signedBodies,
  type SignedBodiesOptions,
} from "./auth/ready_made.ts";
export { type JsonWebTokenOptions, jsonWebTokens } from "./auth/jwt.ts";
export type { DrainOptions, DrainReport } from "./drain.ts";
export type { Compat, GatewayLimits, GatewayOptions, HandOff, RouteAliases } from "./options.ts";
export type {
  Authenticate,
  AuthRequest,
  EditAction,
  EditedRecord,
  EditHook,
  ErrorHook,
  GatewayFailure,
  GatewayProducer,
  Post,
  Principal,
  RequestInfo,
  TopicRule,
} from "./hooks.ts";
