import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import { messageOf, TerminalError } from "../../core/error.ts";
import type { FileLimits } from "../../define/worker.ts";

/** The default of {@link FileLimits}: a file is read into memory as a whole. */
const MAX_BYTES = 512 * 1024 * 1024;

const MIB = 2 ** 20;

/**
 * Opens files under one folder, and nothing else: a request must not read a worker's disk. Links are followed before the
 * check, and what is outside, or behind a link that leads outside, is answered like what does not exist, so that no
 * request can find out which files there are. A file is looked at before it is read: a device or a pipe might never end.
 */
export function createFileAccess(
  folder: string | undefined,
): (path: string, limits?: FileLimits) => Promise<Uint8Array> {
  return async (path, { maxBytes = MAX_BYTES } = {}) => {
    const refuse = (reason: string) => new TerminalError(`the file ${path} cannot be opened: ${reason}`);
    if (folder === undefined) throw refuse("this worker may open none (start it with --files DIR)");
    const root = await realpath(folder).catch(() => resolve(folder));
    const full = await realpath(resolve(root, path)).catch(() => undefined);
    if (full === undefined || !isWithin(root, full))
      throw refuse("there is none of that name in the folder that this worker may read");
    // Without waiting for the other end of a pipe.
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
