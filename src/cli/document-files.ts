import { realpath } from "node:fs/promises";
import { basename, isAbsolute, relative, resolve, sep } from "node:path";
import type { Json } from "../core/json.ts";
import { readOrRefuse } from "./input.ts";

type Fields = { readonly [key: string]: Json };
const isObject = (value: Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export interface FileTransport {
  /** Stores content and returns its reference. */
  readonly putBlob: (data: Uint8Array) => Promise<string>;
  /** The folder whose files the handlers open in place; undefined where they run elsewhere. */
  readonly openedInPlace?: string;
}

/**
 * A `document` input whose `{"file": path}` are replaced by `{"blob", "name"}`, because a worker elsewhere cannot (and
 * must not) read our disk. What the handlers can open in place is left as it is. Throws a UsageError for a file that
 * cannot be read.
 */
export async function sendFiles(input: Json, transport: FileTransport, at = ""): Promise<Json> {
  if (!isObject(input)) return input;
  const documents = input.documents;
  if (Array.isArray(documents))
    return {
      ...input,
      documents: await Promise.all(documents.map((one, i) => sendFiles(one, transport, `${at}/documents/${i}`))),
    };
  const { file, ...rest } = input;
  if (typeof file !== "string") return input;
  const content = await readOrRefuse(file, "input", `${at}/file`);
  if (transport.openedInPlace !== undefined && (await isWithin(transport.openedInPlace, file))) return input;
  return { name: basename(file), ...rest, blob: await transport.putBlob(content) };
}

/** Compares real paths, since a link may lead outside. */
async function isWithin(folder: string, file: string): Promise<boolean> {
  const path = relative(await realpath(folder), await realpath(resolve(file)));
  return path !== ".." && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}
