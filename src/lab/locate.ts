/** Where in a YAML text a value stands, for messages: `file:line:column`. */

import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument } from "yaml";

/**
 * Answers the place of the value (or of the key, if there is no such value) that a path leads to,
 * or of the last part of the way that exists.
 */
export function locator(text: string, file: string): (path: readonly PropertyKey[]) => string {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  return (path) => {
    let node: unknown = document.contents;
    let offset = isNode(node) ? node.range?.[0] ?? 0 : 0;
    for (const part of path) {
      let next: unknown;
      if (isMap(node)) {
        const pair = node.items.find((item) =>
          isPair(item) && isScalar(item.key) && item.key.value === part
        );
        if (pair === undefined) break;
        if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
        next = pair.value;
      } else if (isSeq(node) && typeof part === "number") {
        next = node.items[part];
        if (isNode(next)) offset = next.range?.[0] ?? offset;
      }
      node = next;
    }
    const { line, col } = counter.linePos(offset);
    return `${file}:${line}:${col}`;
  };
}
