import { describe, expect, it } from "vitest";
import { initialTransition, transition } from "xstate";
import { getShortestPaths, getSimplePaths } from "xstate/graph";
import { ROOT } from "../../src/core/names.ts";
import type { PlannedTaskV2 } from "../../src/core/plan-v2.ts";
import { DEFAULT_RETRY } from "../../src/core/policy.ts";
import { attemptOf, isFinal, stateOf } from "../../src/fold/task-record.ts";
import { type TaskSnapshot, taskMachine } from "../../src/machines/task.ts";
import type { TaskMachineEvent } from "../../src/machines/task-event.ts";
import { FoldedRun } from "../support/folded-run.ts";

/**
 * Every path of the chart is played against the fold: each of its events is brought about by the log, and after each
 * step the task must stand where the chart says, and have called for the effects that the chart names.
 */
const ATTEMPTS = 2;

const failed = (kind: "retryable" | "terminal" | "cancelled" | "poison", attempts?: number): TaskMachineEvent => ({
  type: "attemptFailed",
  error: { kind, message: kind, ...(attempts !== undefined && { policy: { retry: { attempts } } }) },
  ...(attempts !== undefined && { attempts }),
});

const EVENTS: readonly TaskMachineEvent[] = [
  { type: "ready" },
  { type: "returned" },
  { type: "planned" },
  failed("retryable"),
  failed("terminal"),
  failed("cancelled"),
  failed("poison"),
  { type: "backoffElapsed" },
  { type: "met" },
  { type: "broken" },
  { type: "expired" },
  { type: "cancel" },
  { type: "markedSucceeded" },
  { type: "markedFailed" },
];
/** What comes of a redrive, from where the paths end: its attempts have no end. */
const REDRIVES: readonly TaskMachineEvent[] = [
  { type: "redriven" },
  { type: "childrenRedriven" },
  { type: "needsRedriven" },
];
/** What a failure carries of its type's policy counts where the plan states nothing. */
const FAILURES_WITH_POLICY: readonly TaskMachineEvent[] = [1, 2, 4].map((attempts) => failed("retryable", attempts));

/** A task in a run, and the chart's part that it can go through. */
interface Subject {
  readonly id: string;
  readonly attempts: number;
  readonly events: readonly TaskMachineEvent[];
  /** Steps of every path that have been taken when the run has begun. */
  readonly taken: number;
  /** Whether the log can bring the event about in that state. Default: it can. */
  isPossible?(state: string, event: TaskMachineEvent["type"]): boolean;
  /** States that it cannot come into. */
  readonly unreachable: readonly string[];
  /** Whether the run goes on without it. */
  readonly isOptional?: true;
  begin(): FoldedRun;
  /** What the log has to say so that the chart's event happens, where that differs from {@link tell}. False: it does not. */
  tell?(run: FoldedRun, event: TaskMachineEvent): boolean;
}

/** Only of a task that is repeated. */
const REPEATED = ["checking", "resting"];
/** What comes of the graph of a plan of version 2. */
const UNWINDING = ["replanning", "tidying", "recovering", "undoing", "compensated", "uncompensated"];
const ONLY_IN_V2 = ["deciding", "awaiting", ...REPEATED, "skipped", "abandoned", ...UNWINDING];

/** By a budget, it can: `test/fold/budgets.test.ts`. */
const WITHOUT_BREAK = new Set(["blocked", "backingOff"]);

const deadlineMs = 3_600_000;

const below = (attempts: number, events: readonly TaskMachineEvent[], retry?: { attempts: number }): Subject => ({
  id: "subject",
  attempts,
  // The deadline is told to the root, which cancels what is below.
  events: events.filter(({ type }) => type !== "expired"),
  taken: 0,
  unreachable: ONLY_IN_V2,
  isPossible: (state, event) => event !== "broken" || !WITHOUT_BREAK.has(state),
  begin: () =>
    new FoldedRun({ deadlineMs }).plans(ROOT, {
      before: { type: "t" },
      subject: { type: "t", needs: ["before"], ...(retry && { retry }) },
      // Keeps the run going when the subject has succeeded.
      beside: { type: "t" },
    }),
});
const child = below(ATTEMPTS, EVENTS, { attempts: ATTEMPTS });
const childWithoutPolicy = below(DEFAULT_RETRY.attempts, [...EVENTS, ...FAILURES_WITH_POLICY]);

const root: Subject = {
  id: ROOT,
  attempts: ATTEMPTS,
  events: EVENTS,
  // It needs nothing, so it is ready at once.
  taken: 1,
  unreachable: ["blocked", ...ONLY_IN_V2],
  isPossible: (state, event) => event !== "broken" || !WITHOUT_BREAK.has(state),
  begin: () => new FoldedRun({ deadlineMs, policy: { retry: { attempts: ATTEMPTS } } }),
};

/** A task of a plan of version 2, which starts when another one has succeeded and is needed by one that could do without. */
const inPlan = (
  stated: PlannedTaskV2,
  /** How it starts when its join is met, and then. */
  [started, ...later]: readonly ("ready" | "ask" | "expand")[],
  unreachable: readonly string[],
): Subject => ({
  id: "subject",
  attempts: ATTEMPTS,
  events: [
    ...EVENTS.filter(({ type }) => type !== "expired" && type !== "ready"),
    ...[started!, ...later, "skip" as const, "abandon" as const, "markedSkipped" as const].map((type) => ({ type })),
  ],
  taken: 0,
  unreachable,
  isOptional: true,
  isPossible(state, event) {
    // Not before it was asked, and only for the plans further below.
    if (event === "broken" && state === "backingOff") return false;
    if (event === "ready") return state !== "blocked" || event === started;
    return event !== "skip" || state !== "expanded";
  },
  begin: () =>
    new FoldedRun({ deadlineMs }).plansV2(ROOT, {
      tasks: {
        before: { type: "t", when: "true" },
        subject: { needs: ["before"], ...stated },
        beside: { type: "t" },
        either: { type: "t", needs: ["subject", "beside"], join: "any" },
      },
    }),
  tell(run, { type }) {
    const isDeciding = run.states("subject").subject === "deciding";
    const isBlocked = run.states("subject").subject === "blocked";
    if (type === "abandon") run.returns("beside");
    else if (type === started) run.decides("before", true).returns("before");
    else if (type === "ready") isDeciding && run.decides("subject", true);
    else if (type === "skip") isDeciding ? run.decides("subject", false) : run.decides("before", false);
    else if (type === "broken" && isBlocked) run.decides("before", true).fails("before");
    else if (type === "broken" && isDeciding) run.decides("subject", new Error("no such field"));
    else return false;
    return true;
  },
});
const retry = { attempts: ATTEMPTS };
const joined = inPlan({ type: "t", retry }, ["ready"], ["deciding", "awaiting", ...REPEATED, ...UNWINDING]);
const conditional = inPlan(
  { type: "t", retry, when: "run.id != ''" },
  ["ask", "ready"],
  ["awaiting", ...REPEATED, ...UNWINDING],
);
const inner = inPlan(
  { plan: { tasks: { part: { type: "t" }, other: { type: "t", needs: ["part"] } }, output: "part" } },
  ["expand"],
  ["deciding", "awaiting", "ready", "backingOff", ...REPEATED, ...UNWINDING],
);
/** No attempt of it is ever made. */
const NO_ATTEMPT = ["ready", "backingOff", "expanded", ...REPEATED, ...UNWINDING];
const asked = inPlan({ wait: { signal: "s", within: 1000 }, when: "run.id != ''" }, ["ask"], NO_ATTEMPT);
const wait: Subject = {
  ...asked,
  events: [...asked.events, ...(["wait", "answered"] as const).map((type) => ({ type }))],
  tell(run, event) {
    const { subject: state } = run.states("subject");
    if (event.type === "wait") run.waits("subject");
    else if (event.type === "answered") run.answers("subject", { output: 1 });
    else if (event.type === "broken" && state === "awaiting") run.passes("subject", "within");
    else return asked.tell!(run, event);
    return true;
  },
};

const polled = inPlan(
  { type: "t", repeat: { until: "subject == 1", every: 1000, times: 1000 } },
  ["expand"],
  ["deciding", "awaiting", "ready", "backingOff", ...UNWINDING],
);
const repeated: Subject = {
  ...polled,
  events: [...polled.events, ...(["roundOver", "again"] as const).map((type) => ({ type }))],
  // Its plan is the one round, and while it rests there is nothing that could break.
  isPossible: (state, event) =>
    state === "expanded" ? event !== "met" && event !== "skip" : state !== "resting" || event !== "broken",
  tell(run, event) {
    const { subject: state } = run.states("subject");
    const round = run.task("subject").children?.rounds?.number ?? 0;
    const check = (what: object) =>
      run.append("decided", { v: 2, decisions: [{ task: "subject", attempt: 1, round, ...what }] });
    if (event.type === "roundOver") run.returns(`subject/${round}`, 1);
    else if (event.type === "again") check({ answers: { "subject == 1": false } });
    else if (event.type === "met") check({ answers: { "subject == 1": true } });
    else if (event.type === "broken" && state === "checking") check({ error: "no such field" });
    else if (event.type === "broken" && state === "expanded") run.fails(`subject/${round}`);
    else return polled.tell!(run, event);
    return true;
  },
};

/** What the log has to say so that the chart's event happens, or, where the chart ignores it, might have. */
function tell(run: FoldedRun, id: string, event: TaskMachineEvent): void {
  const part = id === ROOT ? "part" : `${id}/part`;
  switch (event.type) {
    case "ready":
      return void run.returns("before");
    case "returned":
      return void run.returns(id, "done");
    case "planned":
      return void run.plans(id, { part: { type: "t" }, other: { type: "t", needs: ["part"] } }, "part");
    case "attemptFailed":
      return void run.fails(id, event.error);
    case "backoffElapsed":
      return void run.wait(run.effects.armed.has(`backoff ${id}`) ? 60_000 : 0).due(id, "backoff");
    case "met":
      return void run.returns(part).returns(part.replace("part", "other"));
    case "broken":
      return void run.fails(part);
    case "expired":
      return void run.wait(deadlineMs).due(ROOT, "deadline");
    case "cancel":
      return void run.cancel();
    case "markedSucceeded":
      return void run.mark(id, { output: "told" });
    case "markedSkipped":
      return void run.mark(id, { skip: true });
    case "markedFailed":
      return void run.mark(id, { fail: "told" });
  }
}

/** The chart's effects that a host sees, as it sees them. */
const CALLS: Readonly<Record<string, string>> = {
  openAttempt: "open",
  closeAttempt: "close",
  withdrawAttempt: "withdraw",
  decide: "decide",
  armBackoff: "arm backoff",
  disarmBackoff: "disarm backoff",
  // The wait that is played here has an end.
  beginWait: "arm within",
  endWait: "disarm within",
};

/** Plays one step of the chart and checks that the fold took the same. */
function play(run: FoldedRun, subject: Subject, before: TaskSnapshot, event: TaskMachineEvent): void {
  const { id } = subject;
  const [after, actions] = transition(taskMachine, before, event);
  const { succeeded } = run.state;
  run.effects.take();
  if (!subject.tell?.(run, event)) tell(run, id, event);
  const task = run.task(id);
  expect([stateOf(task), attemptOf(task)]).toEqual([after.value, after.context.attempt]);
  const effects: readonly string[] = actions.map(({ type }) => type);
  const mine = run.effects.take().filter((call) => call.split(/[ @]/).includes(id) && !call.includes("deadline"));
  expect(mine.map((call) => call.split(` ${id}`)[0])).toEqual(effects.flatMap((effect) => CALLS[effect] ?? []));
  if (effects.includes("plant"))
    expect(task.children!.all.map(({ key }) => key)).toEqual(
      task.children!.rounds ? [String(task.children!.rounds.number)] : ["part", "other"],
    );
  if (effects.includes("cancelChildren")) expect(task.children!.all.every(isFinal)).toBe(true);
  if (effects.includes("reportSuccess")) expect(run.state.succeeded).toBeGreaterThan(succeeded);
  if (effects.includes("reportFailure") && !subject.isOptional) expect(run.phase).toBe("concluding");
  if (effects.includes("reportSkip")) expect(run.state.skipped).toBeGreaterThan(0);
  if (effects.includes("reportAbandoned")) expect(run.state.abandoned).toBeGreaterThan(0);
}

type Path = ReturnType<typeof getSimplePaths<typeof taskMachine>>[number];

const options = ({ attempts, events, isPossible = () => true }: Subject) => ({
  input: { attempts },
  events: () => events,
  filterEvents: ({ value }: TaskSnapshot, event: TaskMachineEvent) =>
    events.includes(event) && isPossible(value, event.type),
  serializeState: ({ value, context }: TaskSnapshot) => `${value} ${context.attempt}`,
});

/** Without XState's own first step; those that the subject can begin. */
const possible = (paths: readonly Path[], { taken }: Subject): Path[] =>
  paths
    .map((path) => ({ ...path, steps: path.steps.slice(1) }))
    .filter(({ steps }) => taken === 0 || steps[0]?.event.type === "ready");

function describeEvent(event: TaskMachineEvent): string {
  return event.type === "attemptFailed"
    ? `failed (${event.error.kind}${event.attempts ? `, ${event.attempts} attempts` : ""})`
    : event.type;
}
const describePath = ({ steps }: Path): string =>
  steps.map(({ event }) => describeEvent(event)).join(" → ") || "nothing yet";

const first = ({ attempts }: Subject) => initialTransition(taskMachine, { attempts })[0];

function playPath({ steps }: Path, subject: Subject): FoldedRun {
  const run = subject.begin();
  steps.forEach(({ event }, i) => {
    if (i >= subject.taken) play(run, subject, i === 0 ? first(subject) : steps[i - 1]!.state, event);
  });
  return run;
}

describe.each([
  ["below the root", child],
  ["below the root, its policy carried by its failures", childWithoutPolicy],
  ["at the root", root],
  ["in a plan of version 2", joined],
  ["in a plan of version 2, with a condition", conditional],
  ["in a plan of version 2, with a plan of its own", inner],
  ["in a plan of version 2, that waits", wait],
  ["in a plan of version 2, that is repeated", repeated],
])("a task %s", (_, subject) => {
  const paths = possible(getSimplePaths(taskMachine, options(subject)), subject);
  const byState = possible(getShortestPaths(taskMachine, options(subject)), subject);

  it.each(paths.map((path) => [describePath(path), path] as const))("follows its chart: %s", (_, path) => {
    playPath(path, subject);
  });

  it.each(byState.map((path) => [`${path.state.value} ${path.state.context.attempt}`, path] as const))(
    "takes or ignores every event as its chart does: %s",
    (_, path) => {
      for (const event of subject.events)
        if (subject.isPossible?.(path.state.value, event.type) !== false)
          play(playPath(path, subject), subject, path.state, event);
    },
  );

  it("can come into every state of its chart", () => {
    const states = new Set(byState.map(({ state }) => state.value));
    const all = Object.keys(taskMachine.states).filter((state) => !subject.unreachable.includes(state));
    expect([...states].sort()).toEqual(all.sort());
  });
});

/** A run that one task fails while the subject stands in `state`, as the log tells it. */
const STOPPED: readonly (readonly [state: string, event: TaskMachineEvent["type"], begin: () => FoldedRun])[] = [
  ["ready", "redriven", () => child.begin().returns("before")],
  ["backingOff", "redriven", () => child.begin().returns("before").fails("subject", { kind: "retryable" })],
  [
    "expanded",
    "childrenRedriven",
    () =>
      child
        .begin()
        .returns("before")
        .plans("subject", { part: { type: "t" } }),
  ],
  ["blocked", "needsRedriven", () => child.begin()],
];

describe("a redrive of the run", () => {
  it.each(STOPPED)("brings a task that was stopped while it was %s on as its chart does: %s", (state, event, begin) => {
    const run = begin();
    expect(run.states("subject")).toEqual({ subject: state });
    run.fails("beside").ends();
    const [after, actions] = transition(taskMachine, run.task("subject").snapshot, { type: event } as TaskMachineEvent);
    run.effects.take();
    run.redrive("beside");
    const task = run.task("subject");
    expect([stateOf(task), task.snapshot.context]).toEqual([after.value, after.context]);
    const mine = run.effects.take().filter((call) => call.includes("subject@"));
    expect(mine.map((call) => call.split(" ")[0])).toEqual(actions.flatMap(({ type }) => CALLS[type] ?? []));
  });

  it("means nothing to a task that goes on or has succeeded", () => {
    for (const { state } of getShortestPaths(taskMachine, options(child)))
      if (!["failed", "cancelled", "abandoned"].includes(state.value as string))
        for (const event of REDRIVES) expect(transition(taskMachine, state, event)[0].value).toBe(state.value);
  });
});
