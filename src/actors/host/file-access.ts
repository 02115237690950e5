import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import { messageOf, TerminalError } from "../../core/error.ts";
import type { FileLimits } from "../../define/worker.ts";

/** The default size limit, since a file is read into memory as a whole. */
const MAX_BYTES = 512 * 1024 * 1024;

const MIB = 2 ** 20;

/**
 * Creates a function that reads files under one folder only, since a request must not read a worker's whole disk. Links
 * are followed before the check. A file outside, also behind a link, gets the same error as one that does not exist, so
 * that a request cannot find out which files exist. A device or pipe, which might never end, is refused before it is
 * read.
 */
export function createFileAccess(
  folder: string | undefined,
): (path: string, limits?: FileLimits) => Promise<Uint8Array> {
  return async (path, { maxBytes = MAX_BYTES } = {}) => {
    const refuse = (reason: string) => new TerminalError(`the file ${path} cannot be opened: ${reason}`);
    if (folder === undefined) throw refuse("this worker may not open files (start it with --files DIR)");
    const root = await realpath(folder).catch(() => resolve(folder));
    const full = await realpath(resolve(root, path)).catch(() => undefined);
    if (full === undefined || !isWithin(root, full))
      throw refuse("it does not exist in the folder that this worker may read");
    // Opened without waiting for the other end of a pipe.
    const file = await open(full, constants.O_RDONLY | constants.O_NONBLOCK).catch((error) => {
      throw refuse(messageOf(error));
    });
    try {
      await checkFile(file, maxBytes, refuse);
      return await file.readFile();
    } finally {
      await file.close();
    }
  };
}

function isWithin(root: string, full: string): boolean {
  const inside = relative(root, full);
  return !(inside === ".." || inside.startsWith("../") || inside.startsWith("..\\") || isAbsolute(inside));
}

async function checkFile(file: FileHandle, maxBytes: number, refuse: (reason: string) => TerminalError): Promise<void> {
  const found = await file.stat();
  if (found.isDirectory()) throw refuse("it is a folder; expected a file");
  if (!found.isFile()) throw refuse("it is a device, a pipe or a socket; expected a regular file");
  if (found.size > maxBytes)
    throw refuse(`it has ${Math.ceil(found.size / MIB)} MiB; expected at most ${Math.floor(maxBytes / MIB)} MiB`);
}
