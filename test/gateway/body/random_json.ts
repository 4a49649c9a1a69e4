/**
 * JSON at random, and what is nearly JSON.
 *
 * @module
 */

import type { SeededRandom } from "../../protocol/seeded_random.ts";

const ATOMS = [
  ..."0,-0,1,12345678901234567890,1.0,1e400,-1.5E-3,0e+1,true,false,null".split(","),
  ...['""', '"a"', '"\\u00e9\\n\\"\\\\"', '"é\u{1f600}]"', '"[,]{}:"', '"\\ud800"'],
];
const SPACES = ["", "", " ", "\n", "\t\r\n "];
const SCRAPS = [...'[]{},:"\\0123456789.eE+-truefalsn \n\u0001'];

/** A JSON value as text, with white space, nested up to `depth` levels. */
export function randomJson(random: SeededRandom, depth: number): string {
  const space = () => SPACES[random.below(SPACES.length)]!;
  if (depth === 0 || random.below(3) === 0) return ATOMS[random.below(ATOMS.length)]!;
  const isObject = random.below(2) === 0;
  const items = Array.from({ length: random.below(4) }, () => {
    const value = `${space()}${randomJson(random, depth - 1)}${space()}`;
    return isObject ? `${space()}${['"2"', '"1"', '"a\\"b"'][random.below(3)]}${space()}:${value}` : value;
  });
  return isObject ? `{${items.join(",")}${space()}}` : `[${items.join(",")}${space()}]`;
}

/** `text` with a character put in, left out or put in the place of another. */
export function spoilt(random: SeededRandom, text: string): string {
  const at = random.below(text.length + 1);
  const scrap = SCRAPS[random.below(SCRAPS.length)]!;
  return text.slice(0, at) + (random.below(3) === 0 ? "" : scrap) + text.slice(at + random.below(2));
}
