/**
 * Finds routes by path and method, segment by segment.
 *
 * @module
 */

import type { Route } from "./route.ts";

/** What a path leads to. */
export interface Match {
  /** Routes by method. */
  readonly methods: ReadonlyMap<string, Route>;
  /** What stands for `:topic`, as it was written; null where the path has none. */
  readonly topic: string | null;
  /** What stands for `:partition`, as it was written; null where the path has none. */
  readonly partition: string | null;
}

/** How many paths are remembered, and how long they may be. */
const RECENT_MAX_COUNT = 1_000;
const RECENT_MAX_LENGTH = 300;

class Node {
  readonly methods = new Map<string, Route>();
  readonly children = new Map<string, Node>();
  /** The node below any segment, and what that segment is. */
  wild: { name: string; node: Node } | null = null;
}

/** The routes as a tree of segments. A slash more, or one at the end, makes no difference. */
export class Router {
  readonly #root = new Node();
  /** What paths led to that were asked for lately: producers write to the same few topics. */
  readonly #recent = new Map<string, Match>();

  /**
   * @param routes All of them.
   * @throws {RangeError} When two have the same method and path.
   */
  constructor(routes: readonly Route[]) {
    for (const route of routes) this.#add(route);
  }

  /** What `path` leads to, null for nothing. */
  match(path: string): Match | null {
    const recent = this.#recent.get(path);
    if (recent !== undefined) return recent;
    const match = this.#find(path);
    if (match === null || path.length > RECENT_MAX_LENGTH) return match;
    if (this.#recent.size >= RECENT_MAX_COUNT) this.#recent.clear(); // Clients make up paths; the usual ones come back.
    this.#recent.set(path, match);
    return match;
  }

  #find(path: string): Match | null {
    let node = this.#root;
    let topic: string | null = null;
    let partition: string | null = null;
    let begin = 1;
    while (begin < path.length) {
      let end = path.indexOf("/", begin);
      if (end === -1) end = path.length;
      if (end > begin) {
        const segment = path.slice(begin, end);
        const child = node.children.get(segment);
        if (child !== undefined) {
          node = child;
        } else {
          if (node.wild === null) return null;
          if (node.wild.name === "topic") topic = segment;
          else partition = segment;
          node = node.wild.node;
        }
      }
      begin = end + 1;
    }
    return node.methods.size === 0 ? null : { methods: node.methods, topic, partition };
  }

  #add(route: Route): void {
    let node = this.#root;
    for (const segment of route.path.split("/").filter((segment) => segment !== "")) {
      if (segment.startsWith(":")) {
        node.wild ??= { name: segment.slice(1), node: new Node() };
        node = node.wild.node;
        continue;
      }
      let child = node.children.get(segment);
      if (child === undefined) node.children.set(segment, child = new Node());
      node = child;
    }
    if (node.methods.has(route.method)) {
      throw new RangeError(`Cannot add route ${route.method} ${route.path}: that path is taken`);
    }
    node.methods.set(route.method, route);
  }
}
