import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFileAccess } from "../../../src/actors/host/file-access.ts";

let top: string;
let folder: string;
beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), "tutti-access-"));
  folder = join(top, "open");
  await mkdir(join(folder, "sub"), { recursive: true });
  await writeFile(join(folder, "sub", "a.txt"), "inside");
  await writeFile(join(folder, "..a.txt"), "dots");
  await writeFile(join(top, "secret.txt"), "outside");
  await symlink(join(top, "secret.txt"), join(folder, "link.txt"));
  await symlink(top, join(folder, "up"));
});
afterAll(() => rm(top, { recursive: true }));

const open = async (path: string, maxBytes?: number) =>
  Buffer.from(await createFileAccess(folder)(path, maxBytes === undefined ? {} : { maxBytes })).toString();

describe("files that a request names", () => {
  it("are read within the folder", async () => {
    expect(await open("sub/a.txt")).toBe("inside");
    expect(await open("..a.txt")).toBe("dots");
    expect(await open(join(folder, "sub", "a.txt"))).toBe("inside");
  });

  it("have one answer outside of it, whether they exist or not", async () => {
    const answers = await Promise.all(
      [
        "../secret.txt",
        "../nothing.txt",
        "link.txt",
        "up/secret.txt",
        "up/nothing.txt",
        "/etc/passwd",
        "/etc/nothing",
        "nothing.txt",
      ].map((path) =>
        open(path).then(
          () => "read",
          (error: Error) => error.message.replace(path, "PATH"),
        ),
      ),
    );
    expect(new Set(answers)).toEqual(
      new Set(["the file PATH cannot be opened: it does not exist in the folder that this worker may read"]),
    );
  });

  it("are regular files of some size at most", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    await expect(open("pipe")).rejects.toThrow(/it is a device, a pipe or a socket; expected a regular file/);
    await expect(open("sub")).rejects.toThrow(/it is a folder; expected a file/);
    await writeFile(join(folder, "large"), "");
    await truncate(join(folder, "large"), 3 * 2 ** 20);
    await expect(open("large", 2 * 2 ** 20)).rejects.toThrow(/it has 3 MiB; expected at most 2 MiB/);
  });
});
