/** A node of an XFA form as pdf.js lays it out: elements of HTML. */
export interface XfaNode {
  readonly name?: string;
  readonly value?: unknown;
  readonly attributes?: Readonly<Record<string, unknown>>;
  readonly children?: readonly (XfaNode | null)[];
}

/** The text of a page of an XFA form with what was written into it: a line for each piece. */
export function xfaText(page: unknown): string {
  const lines: string[] = [];
  const open: (XfaNode | null | undefined)[] = [page as XfaNode | null];
  while (open.length > 0) {
    const node = open.pop();
    if (!node) continue;
    const { name = "", attributes = {}, children = [] } = node;
    const isChoice = name === "input" && attributes.type !== "text" && attributes.type !== undefined;
    // Of a list only what was chosen is text of the document.
    const isUnchosen = name === "option" && !attributes.selected;
    const text = [node.value, attributes.textContent, attributes.value].find((one) => typeof one === "string") as
      | string
      | undefined;
    if (text?.trim() && !isChoice && !isUnchosen) lines.push(text.trim());
    // A stack, since forms may be nested more deeply than calls may be.
    for (let i = children.length - 1; i >= 0; i--) if (!isUnchosen) open.push(children[i]);
  }
  return lines.join("\n");
}
