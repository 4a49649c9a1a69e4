/**
 * The routes of the page: its document, what that needs, and what it lives on. Unlike the other routes of operation they
 * are for those only who may write: a page tells much.
 *
 * @module
 */

import type { Exchange } from "../exchange.ts";
import type { ResolvedGatewayOptions } from "../options.ts";
import type { Route } from "../route.ts";
import { documentText, ICON } from "./document.ts";
import { CHARTS_SCRIPT } from "./script/charts.ts";
import { FIGURES_SCRIPT } from "./script/figures.ts";
import { MAIN_SCRIPT } from "./script/main.ts";
import { SEND_SCRIPT } from "./script/send.ts";
import { TABLES_SCRIPT } from "./script/tables.ts";
import { STYLE } from "./style.ts";

const HTML_TYPE = "text/html; charset=utf-8";
const CSS_TYPE = "text/css; charset=utf-8";
const SCRIPT_TYPE = "text/javascript; charset=utf-8";
const EVENTS_TYPE = "text/event-stream; charset=utf-8";

/** Everything comes from here, nothing is inline, and text from elsewhere cannot become markup. */
const POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
  "require-trusted-types-for 'script'";

const GUARD_HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  // What is shown has to fit to what is sent: after an update, too.
  "cache-control": "no-cache",
} as const;

/** The routes. */
export function pageRoutes({ operation }: ResolvedGatewayOptions): Route[] {
  return [
    asset("page", "/", HTML_TYPE, documentText(operation)),
    asset("page_icon", "/page/icon.svg", "image/svg+xml", ICON),
    asset("page_style", "/page/style.css", CSS_TYPE, STYLE),
    asset("page_main", "/page/main.js", SCRIPT_TYPE, MAIN_SCRIPT),
    asset("page_figures", "/page/figures.js", SCRIPT_TYPE, FIGURES_SCRIPT),
    asset("page_charts", "/page/charts.js", SCRIPT_TYPE, CHARTS_SCRIPT),
    asset("page_tables", "/page/tables.js", SCRIPT_TYPE, TABLES_SCRIPT),
    asset("page_send", "/page/send.js", SCRIPT_TYPE, SEND_SCRIPT),
    route("page_events", "/page/events", "What the page shows, once a second", EVENTS_TYPE, events),
  ];
}

function asset(id: string, path: string, type: string, text: string): Route {
  const summary = path === "/" ? "A page that shows what goes through" : "A part of the page";
  return route(
    id,
    path,
    summary,
    type,
    () => new Response(text, { headers: { ...GUARD_HEADERS, "content-type": type } }),
  );
}

function route(
  id: string,
  path: string,
  summary: string,
  type: string,
  handle: (exchange: Exchange) => Response,
): Route {
  return {
    id,
    method: "GET",
    path,
    style: "problem",
    maxBodyBytes: 0,
    isOperation: false,
    describe: {
      summary,
      tag: "page",
      answers: { 200: { description: summary, content: { [type.split(";")[0]!]: {} } } },
    },
    // deno-lint-ignore require-await -- what is thrown has to become a rejection
    handle: async (exchange) => handle(exchange),
  };
}

function events({ gateway, request }: Exchange): Response {
  const body = request.method === "HEAD" ? null : gateway.page!.watch();
  return new Response(body, {
    headers: {
      ...GUARD_HEADERS,
      "content-type": EVENTS_TYPE,
      "cache-control": "no-store",
      "x-accel-buffering": "no", // nginx would keep events back until it has many
    },
  });
}
