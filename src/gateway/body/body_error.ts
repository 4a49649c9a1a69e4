/**
 * What is wrong with a request's body, or with what came along with it.
 *
 * @module
 */

import { GatewayError, type GatewayErrorCode, type GatewayErrorContext } from "../gateway_error.ts";

/** Where a body is wrong, and why. */
export interface BodyErrorContext extends GatewayErrorContext {
  /** Line, row, element or frame it concerns, counted from 1. */
  line?: number | undefined;
}

/** A request's body cannot be taken. */
export class BodyError extends GatewayError {
  /** Always `"BodyError"`. */
  override readonly name = "BodyError";
  /** Line, row, element or frame it concerns, counted from 1. */
  readonly line?: number;

  /**
   * Describes what is wrong.
   *
   * @param code What is wrong, in one word.
   * @param message What could not be done and why.
   * @param context Where, and what else is known.
   */
  constructor(code: GatewayErrorCode, message: string, context: BodyErrorContext = {}) {
    super(code, message, context);
    if (context.line !== undefined) this.line = context.line;
  }
}
