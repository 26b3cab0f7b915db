/** Public keys written into the operator's file; every other byte of it stays as it is. */

import { isMap, isScalar, type YAMLMap } from "yaml";
import type { PublicKey } from "../model/quantity.ts";
import { readSource } from "./source.ts";

/**
 * `keys`: uplink → public key, all of them uplinks of `site` in the file, which has no syntax
 * problem. An uplink that the file writes as an alias is left out. Text is put in at positions, rather than the document rendered anew, since rendering
 * would also wrap, requote and realign what the operator wrote.
 */
export function setPublicKeys(
  text: string,
  site: string,
  keys: ReadonlyMap<string, PublicKey>,
): string {
  const { document } = readSource(text);
  const edits: { from: number; to: number; text: string }[] = [];
  for (const [uplink, key] of keys) {
    const map = document.getIn(["sites", site, "uplinks", uplink], true);
    // Behind an alias there is no place of its own for this key; the caller reads the text back.
    if (!isMap(map) || !map.range) continue;
    edits.push(editOf(text, map, key));
  }
  // From the end, so that earlier positions stay true.
  edits.sort((a, b) => b.from - a.from);
  return edits.reduce(
    (whole, edit) => whole.slice(0, edit.from) + edit.text + whole.slice(edit.to),
    text,
  );
}

function editOf(text: string, map: YAMLMap, key: PublicKey) {
  const pair = map.items.find(({ key }) => isScalar(key) && key.value === "public_key");
  if (pair) {
    const value = isScalar(pair.value) ? pair.value : undefined;
    const keyEnd = isScalar(pair.key) ? pair.key.range![1] : 0;
    const source = value?.range ? text.slice(value.range[0], value.range[1]) : "";
    if (value?.range && source !== "") {
      const quote = /^["']/.exec(source)?.[0] ?? "";
      return { from: value.range[0], to: value.range[1], text: `${quote}${key}${quote}` };
    }
    // `public_key:` with nothing behind it.
    const colon = text.indexOf(":", keyEnd) + 1;
    return { from: colon, to: colon, text: ` ${key}` };
  }
  const last = map.items.at(-1);
  if (map.flow) return inFlow(text, map, key);
  // A line of its own below the first key, indented as that is: the first key's value is a scalar
  // on the same line in any uplink that the schema accepts, but the end is safe with any value.
  const first = map.items[0]!;
  const start = isScalar(first.key) ? first.key.range![0] : map.range![0];
  const column = start - (text.lastIndexOf("\n", start - 1) + 1);
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const value = last?.value as { range?: [number, number, number] } | null;
  const end = value?.range?.[1] ?? map.range![1];
  const lineEnd = text.indexOf("\n", Math.max(end - 1, start));
  const line = `${" ".repeat(column)}public_key: ${key}`;
  return lineEnd === -1
    ? { from: text.length, to: text.length, text: `${newline}${line}${newline}` }
    : { from: lineEnd + 1, to: lineEnd + 1, text: `${line}${newline}` };
}

function inFlow(text: string, map: YAMLMap, key: PublicKey) {
  const last = map.items.at(-1)!;
  const value = (last.value ?? last.key) as { range: [number, number, number] };
  const end = value.range[1];
  const rest = text.slice(end, map.range![1]);
  // `{ a: 1, b: 2, }`: the comma is there already.
  const comma = /^\s*,/.exec(rest);
  if (comma) {
    const from = end + comma[0].length;
    return { from, to: from, text: ` public_key: ${key},` };
  }
  return { from: end, to: end, text: `, public_key: ${key}` };
}
