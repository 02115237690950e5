import { readFile, realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import { messageOf, TerminalError } from "../../core/error.ts";

/**
 * Opens files under one folder, and nothing else: a request must not read a worker's disk. Links are followed before
 * the check.
 */
export function createFileAccess(folder: string | undefined): (path: string) => Promise<Uint8Array> {
  return async (path) => {
    if (folder === undefined)
      throw new TerminalError(
        `the file ${path} cannot be opened: this worker may open none (start it with --files DIR)`,
      );
    const root = await realpath(folder).catch(() => resolve(folder));
    const full = await realpath(resolve(root, path)).catch((error: NodeJS.ErrnoException) => {
      throw new TerminalError(
        `the file ${path} cannot be opened: ${error.code === "ENOENT" ? "there is none of that name" : messageOf(error)}`,
      );
    });
    const inside = relative(root, full);
    if (inside.startsWith("..") || isAbsolute(inside))
      throw new TerminalError(`the file ${path} cannot be opened: it is outside the folder this worker may read`);
    return readFile(full).catch((error: NodeJS.ErrnoException) => {
      throw new TerminalError(
        `the file ${path} cannot be read: ${error.code === "EISDIR" ? "it is a folder" : messageOf(error)}`,
      );
    });
  };
}
