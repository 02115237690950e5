import { Marked } from "marked";
import { readHtml } from "./html.ts";

const marked = new Marked({ gfm: true, async: false });
const FRONT_MATTER = /^\ufeff?---\r?\n[\s\S]*?\r?\n(?:---|\.\.\.)[^\S\n]*(?:\r?\n|$)/;

/** Reads the text of a Markdown file (GitHub's flavour), without front matter. Rejects when it is nested too deeply. */
export async function readMarkdown(source: string, signal: AbortSignal): Promise<string> {
  return readHtml(marked.parse(source.replace(FRONT_MATTER, "")) as string, signal);
}
