/**
 * Writes the animation of the README, `docs/images/demo.svg`: the end of `npm run demo` in a real terminal (tmux),
 * frame by frame. Run it with `node scripts/record-demo.ts`; it needs tmux and a nats-server.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Frame, renderFilm } from "./film.ts";

const COLUMNS = 92;
const ROWS = 19;
const FRAME_MS = 150;
const LONGEST_MS = 120_000;

const SOCKET = `tutti-film-${process.pid}`;
const tmux = (...args: readonly string[]): string =>
  execFileSync("tmux", ["-L", SOCKET, "-u", ...args], {
    encoding: "utf8",
    env: { ...process.env, TERM: "xterm-256color" },
  });

const folder = new URL("../docs/images/", import.meta.url);
tmux(
  "-f",
  "/dev/null",
  "new-session",
  "-d",
  "-x",
  String(COLUMNS),
  "-y",
  String(ROWS),
  "env",
  "PS1=$ ",
  "bash",
  "--norc",
  "-i",
);
try {
  tmux("send-keys", "clear; npm run --silent demo -- --kill", "Enter");
  const frames: Frame[] = [];
  let last = "";
  for (const begin = performance.now(); performance.now() - begin < LONGEST_MS; ) {
    const screen = tmux("capture-pane", "-p", "-e");
    const at = performance.now();
    // The reports of the documents come first; the film begins after them.
    if (screen.includes("kill -9") || frames.length > 0 || /^survey/m.test(screen)) {
      if (screen !== last) frames.push({ at, screen });
      last = screen;
    }
    if (screen.includes("were finished by the other")) break;
    await sleep(FRAME_MS);
  }
  if (frames.length === 0) throw new Error("the demo did not show a killed worker: expected a nats-server on the PATH");
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL("demo.svg", folder), renderFilm(frames, { columns: COLUMNS, rows: ROWS }));
  console.log(`docs/images/demo.svg: ${frames.length} frames`);
} finally {
  tmux("kill-server");
}
