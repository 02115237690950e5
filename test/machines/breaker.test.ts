import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { initialTransition, type SnapshotFrom, transition } from "xstate";
import { getShortestPaths, getSimplePaths } from "xstate/graph";
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
  const breaker = createBreaker(
    "the endpoint",
    { minimumRequests: MINIMUM, windowMs: WINDOW_MS, openMs: OPEN_MS },
    { log: (_, message) => void log.push(message), clock },
  );
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
  return { clock, log, breaker, call };
}

type Bench = ReturnType<typeof createBench>;

/** Brings about what the chart's event reports; where the chart ignores it, what might have. */
async function play({ breaker, call }: Bench, before: Snapshot, event: BreakerMachineEvent): Promise<void> {
  switch (event.type) {
    case "opened":
      // One fails the trial; as many as the minimum open it from closed.
      for (let i = 0; i < (before.matches("halfOpen") ? 1 : MINIMUM); i++) await call(false);
      return;
    case "halfOpened":
      return void vi.advanceTimersByTime(OPEN_MS);
    case "closed":
      return void (await call(true));
    case "shutDown":
      return breaker.stop();
  }
}

const EFFECTS: Readonly<Record<string, RegExp>> = {
  noteFailure: /keeps failing: nothing is sent for 1.0s$/,
  noteTrial: /the next request tries whether it works again$/,
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

/** opossum reports an opening only from where it counts failures, and so on: these can come about. */
const POSSIBLE: Readonly<Record<string, readonly string[]>> = {
  closed: ["opened", "shutDown"],
  open: ["halfOpened", "shutDown"],
  halfOpen: ["closed", "opened", "shutDown"],
};
const paths = getSimplePaths(breakerMachine, {
  ...options,
  filterEvents: (before, event) => POSSIBLE[before.value]?.includes(event.type) === true,
});

describe("a breaker follows its chart", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  it.each(
    paths.map(({ state, steps }) => {
      const events = steps.slice(1).map(({ event }) => event);
      return [events.map(({ type }) => type).join(" → ") || "nothing yet", state, events] as const;
    }),
  )("%s", async (_, state, events) => {
    const { call, log } = await playPath(events);
    log.length = 0;
    const expected = { closed: "answered", open: "refused", halfOpen: "answered", stopped: "stopped" } as const;
    expect(await call(true)).toBe(expected[state.value]);
    // The one request that is sent on trial closes it.
    expect(log.includes("the endpoint works again")).toBe(state.matches("halfOpen"));
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
    expect(log).toEqual([expect.stringMatching(/keeps failing/)]);
  });

  it("says when to come again, by the injected clock", async () => {
    const { clock, breaker, call } = createBench();
    for (let i = 0; i < MINIMUM; i++) await call(false);
    await clock.advance(OPEN_MS - 300);
    const judge = (error: unknown) => ({ error, type: "503", fault: "endpoint" }) as const;
    await expect(breaker.run(async () => {}, judge)).rejects.toMatchObject({ retryAfterMs: 310 });
  });
});
