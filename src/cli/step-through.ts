import { emitKeypressEvents, type Key } from "node:readline";
import type { RunMoment, RunStep } from "../core/run-step.ts";
import { UsageError } from "./failure.ts";
import { renderMoment } from "./moment-view.ts";
import { Screen } from "./screen.ts";
import { paintFor } from "./style.ts";

/** How far a key leads, in steps. */
const MOVES: Readonly<Record<string, number>> = {
  right: 1,
  down: 1,
  return: 1,
  space: 1,
  left: -1,
  up: -1,
  pagedown: 10,
  pageup: -10,
  home: Number.NEGATIVE_INFINITY,
  end: Number.POSITIVE_INFINITY,
};
const HELP = "→ next  ← back  pgdn/pgup ten  home/end  q quit";
/** Lines of what an event changed. */
const MOST_CHANGES = 8;

/** Goes through the moments of a run by keys, on a terminal. Resolves when the user has seen enough. */
export async function stepThrough(
  steps: readonly RunStep[],
  load: (sequence: number) => Promise<RunMoment>,
  { input = process.stdin, out = process.stdout }: { input?: NodeJS.ReadStream; out?: NodeJS.WriteStream } = {},
): Promise<void> {
  if (!out.isTTY || !input.isTTY)
    throw new UsageError("--step needs a terminal", { expected: "--at or --until, or neither, where there is none" });
  using screen = new Screen(out);
  const paint = paintFor(out);
  let index = 0;
  const draw = async () => {
    const at = index;
    const moment = await load(steps[at]!.sequence);
    // Keys may have led further meanwhile.
    if (at !== index) return;
    const options = {
      paint,
      width: screen.width,
      rows: Math.max(3, screen.rows - MOST_CHANGES - 5),
      mostChanges: MOST_CHANGES,
    };
    screen.draw([...renderMoment(moment, options), paint("dim", `${at + 1}/${steps.length}  ${HELP}`)]);
  };
  await draw();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onKey = (_: string | undefined, { name = "", ctrl }: Key) => {
    if (name === "q" || name === "escape" || (ctrl && name === "c")) return resolve();
    const move = MOVES[name];
    if (move === undefined) return;
    index = Math.min(steps.length - 1, Math.max(0, index + move));
    draw().catch(reject);
  };
  emitKeypressEvents(input);
  input.setRawMode(true);
  input.on("keypress", onKey);
  input.resume();
  try {
    await promise;
  } finally {
    input.off("keypress", onKey);
    input.setRawMode(false);
    input.pause();
  }
}
