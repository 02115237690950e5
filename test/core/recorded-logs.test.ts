import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { LOG_VERSION } from "../../src/core/version.ts";
import { foldRecording, inWordsOfToday, readRecording, recordings } from "../support/recorded-log.ts";

describe("logs that were recorded", () => {
  it("are there for every version that was left behind", () => {
    const versions = new Set(recordings().map((name) => Number(name.slice(1, name.indexOf("/")))));
    for (let version = 1; version < LOG_VERSION; version++) expect(versions).toContain(version);
  });

  it.each(recordings())("fold to what they folded to then: %s", async (name) => {
    const recording = readRecording(name);
    expect(await foldRecording(recording)).toEqual(inWordsOfToday(recording.view));
  });

  it("are read by a build of the next version as well", { timeout: 60_000 }, async () => {
    const at = (file: string) => new URL(`../support/${file}`, import.meta.url);
    const args = ["--import", at("next-build.ts").href, fileURLToPath(at("recorded-log.ts"))];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(JSON.parse(stdout)).toEqual({ version: LOG_VERSION + 1, read: recordings().length, differing: [] });
  });

  it("tell of everything that a run can come to", () => {
    const events = new Set(
      recordings().flatMap((name) => readRecording(name).messages.map(({ subject }) => subject.split(".").at(-1))),
    );
    expect([...events].sort()).toEqual(["cancel", "due", "ended", "redrive", "result", "submitted"]);
    const codes = recordings().map((name) => readRecording(name).view.error?.code ?? readRecording(name).view.status);
    expect([...new Set(codes)].sort()).toEqual([408, 422, 499, "running", "succeeded"]);
  });
});
