import { readFile } from "../../src/builtins/reading/read-file.ts";

/** The text of a file, by the name that tells its format. */
export async function readText(name: string, bytes: Uint8Array): Promise<string> {
  const content = await readFile(name, bytes, new AbortController().signal);
  if (!("text" in content)) throw new Error(`${name} holds ${content.pictures} pictures, and no text`);
  return content.text;
}
