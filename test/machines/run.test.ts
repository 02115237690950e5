import { describe, expect, it } from "vitest";
import { initialTransition, transition } from "xstate";
import { getShortestPaths, getSimplePaths } from "xstate/graph";
import { ROOT } from "../../src/core/names.ts";
import { phaseOf, type RunMachineEvent, type RunSnapshot, runMachine } from "../../src/machines/run.ts";
import { FoldedRun } from "../support/folded-run.ts";

/** Every path of the chart is played against the fold, as those of `task` are. */
const EVENTS: readonly RunMachineEvent[] = [
  { type: "rootSucceeded" },
  { type: "rootFailed" },
  { type: "rootCancelled" },
  { type: "cancel" },
  { type: "deadlinePassed" },
  { type: "ended", status: "succeeded" },
  { type: "ended", status: "failed" },
  { type: "ended", status: "cancelled" },
  { type: "redrive" },
  { type: "pause" },
  { type: "resume" },
];

const deadlineMs = 60_000;

/** What the log has to say so that the chart's event happens, or, where the chart ignores it, might have. */
function tell(run: FoldedRun, event: RunMachineEvent): void {
  switch (event.type) {
    case "rootSucceeded":
      return void run.returns(ROOT, "done");
    case "rootFailed":
      return void run.fails(ROOT);
    case "rootCancelled":
      return void run.fails(ROOT, { kind: "cancelled" });
    case "cancel":
      return void run.cancel();
    case "deadlinePassed":
      return void run.wait(deadlineMs).due(ROOT, "deadline");
    case "ended":
      return void run.append("ended", { v: 1, status: event.status, totals: run.totals });
    case "redrive":
      return void run.redrive(ROOT);
    case "pause":
    case "resume":
      return void run.append(event.type, { v: 2, task: ROOT });
  }
}

/** The root answers within the same event of the log, so the fold passes through these states and never stays. */
const ANSWERS: Readonly<Record<string, RunMachineEvent>> = {
  cancelling: { type: "rootCancelled" },
  expiring: { type: "rootFailed" },
};

/** The chart's effects that a host sees, as it sees them. */
const CALLS: Readonly<Record<string, string>> = {
  armDeadline: `arm deadline ${ROOT}`,
  disarmDeadline: `disarm deadline ${ROOT}`,
  appendEnded: "conclude",
  close: "ended",
};
const isOfTheRun = (call: string) => call.includes("deadline") || call === "conclude" || call === "ended";
/** Without the time that is left. */
const callsOf = (run: FoldedRun) =>
  run.effects
    .take()
    .filter(isOfTheRun)
    .map((call) => call.replace(/ \d+$/, ""));

/** Where the chart comes to by an event and the root's answer, and the effects on the way. */
function stepChart(before: RunSnapshot, event: RunMachineEvent): { after: RunSnapshot; effects: readonly string[] } {
  // As an actor would not: `ended` counts once.
  if (before.status === "done") return { after: before, effects: [] };
  const [after, actions] = transition(runMachine, before, event);
  const effects = actions.map(({ type }): string => type);
  const answer = ANSWERS[phaseOf(after)];
  if (!answer) return { after, effects };
  const answered = stepChart(after, answer);
  return { after: answered.after, effects: [...effects, ...answered.effects] };
}

function play(run: FoldedRun, before: RunSnapshot, event: RunMachineEvent): RunSnapshot {
  const { after, effects } = stepChart(before, event);
  run.effects.take();
  tell(run, event);
  expect([run.phase, run.outcome]).toEqual([phaseOf(after), after.context.outcome]);
  expect(callsOf(run)).toEqual(effects.flatMap((effect) => CALLS[effect] ?? []));
  if (effects.includes("cancelTree")) expect(run.states()).toEqual({ [ROOT]: "cancelled" });
  if (effects.includes("expireTree")) expect(run.states()).toEqual({ [ROOT]: "failed" });
  if (effects.includes("reviveTree")) expect(run.states()).toEqual({ [ROOT]: "ready" });
  return after;
}

const options = {
  events: () => EVENTS,
  filterEvents: (before: RunSnapshot) => before.status === "active",
  serializeState: (state: RunSnapshot) => `${phaseOf(state)} ${state.context.outcome} ${state.context.isRedrivable}`,
};
type Path = { readonly state: RunSnapshot; readonly events: readonly RunMachineEvent[] };

/** Paths as the log can tell them: with the root's answers left out, less those on which the root would not answer. */
function possible(paths: ReturnType<typeof getSimplePaths<typeof runMachine>>): Path[] {
  return paths.flatMap(({ state, steps }) => {
    const told = steps.slice(1);
    const events: RunMachineEvent[] = [];
    for (let i = 0; i < told.length; i++) {
      events.push(told[i]!.event);
      const answer = ANSWERS[phaseOf(told[i]!.state)];
      if (answer && told[++i]?.event.type !== answer.type) return [];
    }
    return [{ state, events }];
  });
}

const nameOf = (event: RunMachineEvent) => (event.type === "ended" ? `ended (${event.status})` : event.type);
const [first, firstActions] = initialTransition(runMachine);

function playPath({ events }: Path): FoldedRun {
  const run = new FoldedRun({ deadlineMs });
  events.reduce((before, event) => play(run, before, event), first);
  return run;
}

describe("a run", () => {
  const paths = possible(getSimplePaths(runMachine, options));
  const byState = possible(getShortestPaths(runMachine, options));

  it("begins as its chart does", () => {
    const run = new FoldedRun({ deadlineMs });
    expect(run.phase).toBe(phaseOf(first));
    expect(callsOf(run)).toEqual(firstActions.map(({ type }) => CALLS[type]));
  });

  it.each(paths.map((path) => [path.events.map(nameOf).join(" → "), path] as const))(
    "follows its chart: %s",
    (_, path) => {
      expect(playPath(path).phase).toBe(phaseOf(path.state));
    },
  );

  it.each(
    byState.map(
      (path) =>
        [
          `${phaseOf(path.state)} (${path.state.context.outcome ?? "no outcome"}, redrivable: ${path.state.context.isRedrivable})`,
          path,
        ] as const,
    ),
  )("takes or ignores every event as its chart does: %s", (_, path) => {
    for (const event of EVENTS) play(playPath(path), path.state, event);
  });

  it("can come into every state of its chart", () => {
    const stayed = byState.map(({ state }) => phaseOf(state));
    const charted = [...Object.keys(runMachine.states), "paused"].filter((state) => state !== "unwinding");
    expect(new Set([...stayed, ...Object.keys(ANSWERS)])).toEqual(new Set(charted));
  });
});

/** How a run comes to what is undone and tidied up before its end, what the log says then, and the chart's events for both. */
const UNWOUND: readonly (readonly [
  how: string,
  begin: (run: FoldedRun) => FoldedRun,
  events: readonly RunMachineEvent[],
  end: (run: FoldedRun) => FoldedRun,
  ends: readonly RunMachineEvent[],
])[] = [
  [
    "fails",
    (run) => run.returns("a").fails("b"),
    [{ type: "unwind" }],
    (run) => run.returns("a/_undo").returns("_finally"),
    [{ type: "rootFailed", isFinal: true }],
  ],
  [
    "fails, with nothing to undo",
    (run) => run.fails("a"),
    [{ type: "unwind" }],
    (run) => run.returns("_finally"),
    [{ type: "rootFailed" }],
  ],
  [
    "has succeeded",
    (run) => run.returns("a").returns("b"),
    [{ type: "unwind" }],
    (run) => run.returns("_finally"),
    [{ type: "rootSucceeded" }],
  ],
  [
    "is cancelled",
    (run) => run.returns("a").cancel(),
    [{ type: "cancel" }, { type: "unwind" }],
    (run) => run.cancel().returns("a/_undo").returns("_finally"),
    [{ type: "cancel" }, { type: "rootCancelled" }],
  ],
  [
    "is cancelled, and again by force",
    (run) => run.returns("a").cancel(),
    [{ type: "cancel" }, { type: "unwind" }],
    (run) => run.append("cancel", { v: 1, force: true }),
    [{ type: "cancel", isForced: true }, { type: "rootCancelled" }],
  ],
  [
    "has come to its deadline",
    (run) => run.returns("a").passes(ROOT, "deadline"),
    [{ type: "deadlinePassed" }, { type: "unwind" }],
    (run) => run.due(ROOT, "deadline").returns("a/_undo").returns("_finally"),
    [{ type: "deadlinePassed" }, { type: "rootFailed", isFinal: true }],
  ],
];

describe("what comes before the end of a run", () => {
  it.each(UNWOUND)("follows its chart: it %s", (_, begin, events, end, ends) => {
    const run = begin(
      new FoldedRun({ deadlineMs }).plansV2(ROOT, {
        tasks: { a: { type: "t", compensate: { type: "u" } }, b: { type: "t", needs: ["a"] } },
        finally: { type: "tidy" },
      }),
    );
    const stepAll = (from: RunSnapshot, all: readonly RunMachineEvent[]) =>
      all.reduce((before, event) => transition(runMachine, before, event)[0], from);
    const between = stepAll(first, events);
    expect([run.phase, run.state.snapshot.context]).toEqual(["unwinding", between.context]);
    const after = stepAll(between, ends);
    end(run);
    expect([run.phase, run.state.snapshot.context]).toEqual([after.value, after.context]);
    expect(run.effects.armed.size).toBe(0);
  });
});
