/**
 * Bodies of `application/x-www-form-urlencoded`.
 *
 * @module
 */

/** A field of a form; the value is true for a name without `=`. */
export type Field = readonly [name: string, value: string | true];

const decoder = new TextDecoder();

/** The fields of a form, in order. */
export function formFields(bytes: Uint8Array): Field[] {
  const parts = decoder.decode(bytes).split("&").filter((part) => part !== "");
  return parts.map((part) => {
    const mark = part.indexOf("=");
    return mark === -1 ? [unescape(part), true] : [unescape(part.slice(0, mark)), unescape(part.slice(mark + 1))];
  });
}

/** The fields as a flat object of JSON, in order; of fields of one name the last. `[]` for none, as kafboy had it. */
export function fieldsAsJson(fields: readonly Field[]): string {
  if (fields.length === 0) return "[]";
  const members = new Map(fields);
  return `{${Array.from(members, ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`;
}

/** Whether the bytes of a form are JSON in truth: `curl -d '{…}'` says that they are a form. */
export function looksLikeJson(bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index]!;
    if (byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d) continue;
    return byte === 0x7b || byte === 0x5b;
  }
  return false;
}

function unescape(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
