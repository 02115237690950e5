import { describe, expect, it } from "vitest";
import { initialTransition, type SnapshotFrom, transition } from "xstate";
import { getShortestPaths, getSimplePaths } from "xstate/graph";
import type { BreakerEntry } from "../../src/core/breaker-entry.ts";
import { createVirtualClock } from "../../src/core/virtual-clock.ts";
import { createBreaker } from "../../src/llm/breaker.ts";
import { type BreakerMachineEvent, breakerMachine } from "../../src/machines/breaker.ts";

/** Every path of the chart is played against a breaker whose requests succeed or fail as the test says. */
const OPEN_MS = 1000;
const WINDOW_MS = 60_000;
const MINIMUM = 3;

const EVENTS: readonly BreakerMachineEvent[] = [
  { type: "opened" },
  { type: "halfOpened" },
  { type: "closed" },
  { type: "shutDown" },
];

type Snapshot = SnapshotFrom<typeof breakerMachine>;
const options = { events: () => EVENTS, filterEvents: (before: Snapshot) => before.status === "active" };

function createBench() {
  const clock = createVirtualClock();
  const log: string[] = [];
  /** What another process reports. */
  let hear: (entry: BreakerEntry) => void = () => {};
  const breaker = createBreaker(
    "the endpoint",
    { minimumRequests: MINIMUM, windowMs: WINDOW_MS, openMs: OPEN_MS },
    {
      log: (_, message) => void log.push(message),
      clock,
      fleet: {
        id: "this",
        follow(_, listener) {
          hear = listener;
          return () => {};
        },
        report: async () => {},
        claimTrial: async () => true,
      },
    },
  );
  const hearClosed = () =>
    hear({ v: 1, name: "the endpoint", state: "closed", since: clock.now(), by: "another process" });
  /** How a call ended, and whether a request was sent for it. */
  const call = async (succeeds: boolean): Promise<"answered" | "failed" | "refused" | "stopped"> => {
    let sent = false;
    const send = async () => {
      sent = true;
      if (!succeeds) throw new Error("503");
    };
    try {
      await breaker.run(send, (error) => ({ error, type: "503", fault: "endpoint" }));
      return "answered";
    } catch (error) {
      if (sent) return "failed";
      return (error as Error).message.includes("was stopped") ? "stopped" : "refused";
    }
  };
  return { clock, log, breaker, call, hearClosed, trial: Promise.withResolvers<void>() };
}

type Bench = ReturnType<typeof createBench>;

/** Brings about what the chart's event reports; where the chart ignores it, what might have. */
const judge = (error: unknown) => ({ error, type: "503", fault: "endpoint" }) as const;

async function play(bench: Bench, before: Snapshot, event: BreakerMachineEvent): Promise<void> {
  const { breaker, call, clock, hearClosed, trial } = bench;
  const isOnTrial = before.matches("halfOpen");
  switch (event.type) {
    case "opened":
      if (isOnTrial) trial.reject(new Error("503"));
      else for (let i = 0; i < MINIMUM; i++) await call(false);
      break;
    case "halfOpened":
      await clock.advance(OPEN_MS);
      bench.trial = Promise.withResolvers();
      breaker.run(() => bench.trial.promise, judge).catch(() => {});
      break;
    case "closed":
      if (isOnTrial) trial.resolve();
      else hearClosed();
      break;
    case "shutDown":
      breaker.stop();
  }
  await clock.settle();
}

const EFFECTS: Readonly<Record<string, RegExp>> = {
  noteFailure: /keeps failing \(503\): nothing is sent for 1.0s$/,
  noteTrial: /one request tries whether it works again$/,
  noteRecovery: /^the endpoint works again$/,
};

async function playPath(events: readonly BreakerMachineEvent[]): Promise<Bench> {
  const bench = createBench();
  let [before] = initialTransition(breakerMachine);
  for (const event of events) {
    bench.log.length = 0;
    const [after, actions] = transition(breakerMachine, before, event);
    await play(bench, before, event);
    expect(bench.log).toEqual(actions.map(({ type }) => expect.stringMatching(EFFECTS[type]!)));
    before = after;
  }
  return bench;
}

/** opossum reports an opening only from where it counts failures, and so on: these can come about. Another process may close an open breaker. */
const POSSIBLE: Readonly<Record<string, readonly string[]>> = {
  closed: ["opened", "shutDown"],
  open: ["halfOpened", "closed", "shutDown"],
  halfOpen: ["closed", "opened", "shutDown"],
};
const paths = getSimplePaths(breakerMachine, {
  ...options,
  filterEvents: (before, event) => POSSIBLE[before.value]?.includes(event.type) === true,
});

describe("a breaker follows its chart", () => {
  it.each(
    paths.map(({ state, steps }) => {
      const events = steps.slice(1).map(({ event }) => event);
      return [events.map(({ type }) => type).join(" → ") || "nothing yet", state, events] as const;
    }),
  )("%s", async (_, state, events) => {
    const { call } = await playPath(events);
    // While one request is on trial, no other is sent.
    const expected = { closed: "answered", open: "refused", halfOpen: "refused", stopped: "stopped" } as const;
    expect(await call(true)).toBe(expected[state.value]);
  });

  it.each(Object.entries(POSSIBLE).flatMap(([value, types]) => types.map((type) => [value, type] as const)))(
    "takes every event as its chart does: %s, %s",
    async (value, type) => {
      const { steps } = getShortestPaths(breakerMachine, options).find(({ state }) => state.value === value)!;
      await playPath([...steps.slice(1).map(({ event }) => event), { type } as BreakerMachineEvent]);
    },
  );

  it("can come into every state of its chart", () => {
    const states = getShortestPaths(breakerMachine, options).map(({ state }) => state.value);
    expect(new Set(states)).toEqual(new Set(Object.keys(breakerMachine.states)));
  });

  it("forgets a failure when the window has passed, by the injected clock", async () => {
    const { clock, call, log } = createBench();
    for (let i = 0; i < MINIMUM - 1; i++) await call(false);
    await clock.advance(WINDOW_MS + 1);
    await call(false);
    expect(log).toEqual([]);
    for (let i = 0; i < MINIMUM - 1; i++) await call(false);
    expect(log).toEqual([expect.stringMatching(/keeps failing \(503\)/)]);
  });

  it("says when to come again, by the injected clock", async () => {
    const { clock, breaker, call } = createBench();
    for (let i = 0; i < MINIMUM; i++) await call(false);
    await clock.advance(OPEN_MS - 300);
    await expect(breaker.run(async () => {}, judge)).rejects.toMatchObject({ retryAfterMs: 300 });
  });
});
