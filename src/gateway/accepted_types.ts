/**
 * Which types of answers a client accepts, as its `accept` says.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.accept
 * @module
 */

/** See the module comment. */
export class AcceptedTypes {
  /** Weights from 0 to 1, by name of a type, of all below `application`, or of all; null when everything is as welcome. */
  readonly #weights: ReadonlyMap<string, number> | null;

  /** @param accept The header, undefined when there is none. */
  constructor(accept: string | undefined) {
    this.#weights = accept === undefined || accept === "*/*" ? null : parse(accept);
  }

  /** How welcome a type is, from 0, not at all, to 1: what is said of it by name counts before what is said of all. */
  weightOf(type: string): number {
    if (this.#weights === null) return 1;
    const all = `${type.slice(0, type.indexOf("/"))}/*`;
    return this.#weights.get(type) ?? this.#weights.get(all) ?? this.#weights.get("*/*") ?? 0;
  }

  /** Whether a type is there by its name. */
  names(type: string): boolean {
    return this.#weights?.has(type) ?? false;
  }

  /** The most welcome of `types`, the first of several; null when none is welcome. */
  best<T extends string>(types: readonly T[]): T | null {
    let best: T | null = null;
    let most = 0;
    for (const type of types) {
      const weight = this.weightOf(type);
      if (weight <= most) continue;
      best = type;
      most = weight;
    }
    return best;
  }
}

function parse(accept: string): ReadonlyMap<string, number> | null {
  const weights = new Map<string, number>();
  for (const entry of accept.split(",")) {
    const [name, ...parameters] = entry.split(";");
    const type = name!.trim().toLowerCase();
    if (type === "") continue;
    weights.set(type, Math.max(weights.get(type) ?? 0, weightIn(parameters)));
  }
  return weights.size === 0 ? null : weights;
}

/** The weight among a type's parameters; what is no weight says nothing. */
function weightIn(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const weight = /^\s*q\s*=\s*(\d(?:\.\d*)?)\s*$/i.exec(parameter);
    if (weight !== null) return Math.min(Number(weight[1]), 1);
  }
  return 1;
}
