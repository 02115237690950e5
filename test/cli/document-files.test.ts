import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendFiles } from "../../src/cli/document-files.ts";

let folder: string;
let inside: string;
let outside: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tutti-files-"));
  await mkdir(join(folder, "in"));
  inside = join(folder, "in", "a.txt");
  outside = join(folder, "b.txt");
  await writeFile(inside, "inside");
  await writeFile(outside, "outside");
  await symlink(outside, join(folder, "in", "link.txt"));
});
afterAll(() => rm(folder, { recursive: true }));

const store = () => {
  const contents: string[] = [];
  return {
    contents,
    putBlob: async (data: Uint8Array) => {
      contents.push(Buffer.from(data).toString());
      return `ref-${contents.length}`;
    },
  };
};

describe("files that a document input names", () => {
  it("travel as content, with their names", async () => {
    const { contents, putBlob } = store();
    expect(await sendFiles({ file: outside }, { putBlob })).toEqual({ blob: "ref-1", name: "b.txt" });
    expect(contents).toEqual(["outside"]);
  });

  it("travel from inside `documents` too, and leave the rest alone", async () => {
    const { putBlob } = store();
    expect(await sendFiles({ documents: [{ text: "words" }, { file: inside }] }, { putBlob })).toEqual({
      documents: [{ text: "words" }, { blob: "ref-1", name: "a.txt" }],
    });
    expect(await sendFiles({ text: "words" }, { putBlob })).toEqual({ text: "words" });
    expect(await sendFiles("words", { putBlob })).toBe("words");
  });

  it("stay where they are if the handlers can open them there", async () => {
    const { contents, putBlob } = store();
    expect(await sendFiles({ file: inside }, { putBlob, openedInPlace: join(folder, "in") })).toEqual({ file: inside });
    expect(contents).toEqual([]);
  });

  it("travel from outside that folder, also when a link inside leads there", async () => {
    const { contents, putBlob } = store();
    const transport = { putBlob, openedInPlace: join(folder, "in") };
    expect(await sendFiles({ file: outside }, transport)).toEqual({ blob: "ref-1", name: "b.txt" });
    expect(await sendFiles({ file: join(folder, "in", "link.txt") }, transport)).toEqual({
      blob: "ref-2",
      name: "link.txt",
    });
    expect(contents).toEqual(["outside", "outside"]);
  });

  it("are looked at before they are read", async () => {
    const { putBlob } = store();
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    await expect(sendFiles({ file: pipe }, { putBlob })).rejects.toThrow(/it is a device, a pipe or a socket/);
    await expect(sendFiles({ file: folder }, { putBlob })).rejects.toThrow(/it is a folder/);
    const large = join(folder, "large.txt");
    await writeFile(large, "");
    await truncate(large, 65 * 2 ** 20);
    await expect(sendFiles({ file: large }, { putBlob })).rejects.toThrow(/it has 65 MiB/);
  });

  it("are missed by name and place", async () => {
    const { putBlob } = store();
    await expect(sendFiles({ documents: [{ text: "a" }, { file: "nowhere.pdf" }] }, { putBlob })).rejects.toMatchObject(
      {
        message: 'input: cannot read "nowhere.pdf": no such file',
        details: { path: "/documents/1/file" },
      },
    );
  });
});
