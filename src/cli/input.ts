import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { InexactNumber, parseExact } from "../core/exact-json.ts";
import type { Json } from "../core/json.ts";
import { UsageError } from "./failure.ts";
import { shorten } from "./style.ts";

const EXPECTED = `JSON such as '{"text":"…"}', @FILE, or - for standard input`;

/** Reads `--input`: JSON, `@FILE`, or `-`. Without it the input is `{}`. Throws a {@link UsageError}. */
export async function readInput(
  given: string | undefined,
  stdin: NodeJS.ReadableStream = process.stdin,
): Promise<Json> {
  if (given === undefined) return {};
  if (given === "-") return parseInput(decode(await buffer(stdin), "standard input"), "standard input");
  if (!given.startsWith("@")) return parseInput(given, "--input");
  const path = given.slice(1);
  return parseInput(decode(await readOrRefuse(path, `--input ${given}`), path), path);
}

/**
 * Reads a file that the user named. Rejects with a {@link UsageError} that says what named it and why it cannot be
 * read.
 */
export async function readOrRefuse(path: string, namedBy: string, at?: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const reasons: Record<string, string> = {
      ENOENT: "no such file",
      EISDIR: "it is a folder",
      EACCES: "permission denied",
    };
    const code = (error as NodeJS.ErrnoException).code ?? "";
    throw new UsageError(
      `${namedBy}: cannot read ${JSON.stringify(path)}: ${reasons[code] ?? code}`,
      { ...(at && { path: at }), expected: "a file that can be read", received: path },
      [],
      { cause: error },
    );
  }
}

function decode(bytes: Uint8Array, source: string): string {
  try {
    // The decoder drops a byte order mark.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${source} is not UTF-8 text`, { expected: "JSON in UTF-8" });
  }
}

async function parseInput(text: string, source: string): Promise<Json> {
  try {
    return parseExact(text) as Json;
  } catch (error) {
    if (error instanceof InexactNumber)
      throw new UsageError(`${source}: ${error.message}`, { path: error.path, received: error.literal }, [], {
        cause: error,
      });
    const message = (error as SyntaxError).message;
    const { line, column } = placeOf(text, await offsetOf(text, message));
    const reason =
      text.trim() === ""
        ? "it is empty"
        : message.replace(/ in JSON at position.*| after JSON at position.*|, (\.\.\.)?".*/s, "");
    throw new UsageError(
      `${source} is not valid JSON, line ${line}, column ${column}: ${reason}`,
      { path: `line ${line}, column ${column}`, expected: EXPECTED, received: shorten(text.trim(), 80) || "nothing" },
      excerptOf(text, line, column),
      { cause: error },
    );
  }
}

/** The offset of a syntax error. V8 states it for some errors only; for others a second parser finds it. */
async function offsetOf(text: string, message: string): Promise<number> {
  const stated = /at position (\d+)/.exec(message);
  if (stated) return Number(stated[1]);
  if (message.includes("end of JSON")) return text.trimEnd().length;
  const { parse } = await import("@humanwhocodes/momoa");
  try {
    parse(text, { mode: "json" });
  } catch (error) {
    const { offset } = error as { offset?: number };
    if (offset !== undefined) return offset;
  }
  return 0;
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

/** The faulty line, cut around the error, with a caret under it. */
function excerptOf(text: string, line: number, column: number): string[] {
  const whole = (text.split("\n")[line - 1] ?? "").replace(/\p{Cc}/gu, " ");
  const from = Math.max(0, column - 40);
  const shown = whole.slice(from, from + 76);
  return shown.trim() ? [shown, `${" ".repeat(column - 1 - from)}^`] : [];
}
