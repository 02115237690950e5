import { realpath, stat } from "node:fs/promises";
import { basename, isAbsolute, relative, resolve, sep } from "node:path";
import { MAX_FILE_BYTES } from "../builtins/reading/read-file.ts";
import type { Json } from "../core/json.ts";
import { UsageError } from "./failure.ts";
import { readOrRefuse } from "./input.ts";

type Fields = { readonly [key: string]: Json };
const isObject = (value: Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export interface FileTransport {
  /** Stores content and returns its reference. */
  readonly putBlob: (data: Uint8Array) => Promise<string>;
  /** The folder whose files the handlers open in place; undefined if they run elsewhere. */
  readonly openedInPlace?: string;
}

/**
 * Replaces each `{"file": path}` in the input of `document` by `{"blob", "name"}`, because a worker elsewhere cannot
 * (and must not) read this machine's disk. Files that the handlers open in place are left. Rejects with a UsageError
 * for a file that cannot be read.
 */
export async function sendFiles(input: Json, transport: FileTransport, at = ""): Promise<Json> {
  if (!isObject(input)) return input;
  const documents = input.documents;
  if (Array.isArray(documents)) {
    // One after another, since each is held in memory while it is sent.
    const sent: Json[] = [];
    for (const [i, one] of documents.entries()) sent.push(await sendFiles(one, transport, `${at}/documents/${i}`));
    return { ...input, documents: sent };
  }
  const { file, ...rest } = input;
  if (typeof file !== "string") return input;
  await checkFile(file, `${at}/file`);
  if (transport.openedInPlace !== undefined && (await isWithin(transport.openedInPlace, file))) return input;
  const content = await readOrRefuse(file, "input", `${at}/file`);
  return { name: basename(file), ...rest, blob: await transport.putBlob(content) };
}

/** Checks a file before it is read: a device or pipe might never end. */
async function checkFile(file: string, at: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  // Reading the file reports why it cannot be checked.
  if (!found) return void (await readOrRefuse(file, "input", at));
  const refuse = (reason: string, expected: string) =>
    new UsageError(`input: cannot read ${JSON.stringify(file)}: ${reason}`, { path: at, expected, received: file });
  if (found.isDirectory()) throw refuse("it is a folder", "a file");
  if (!found.isFile()) throw refuse("it is a device, a pipe or a socket", "a regular file");
  if (found.size > MAX_FILE_BYTES)
    throw refuse(`it has ${Math.ceil(found.size / 2 ** 20)} MiB`, `a file of at most ${MAX_FILE_BYTES / 2 ** 20} MiB`);
}

/** Whether a file is within a folder, by real paths, since a link may lead outside. */
async function isWithin(folder: string, file: string): Promise<boolean> {
  const path = relative(await realpath(folder), await realpath(resolve(file)));
  return path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}
