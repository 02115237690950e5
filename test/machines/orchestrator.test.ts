import { describe, expect, it } from "vitest";
import { initialTransition, type SnapshotFrom, transition } from "xstate";
import { type OrchestratorMachineEvent, orchestratorMachine } from "../../src/machines/orchestrator.ts";
import { createOrchestratorBench, type OrchestratorBench } from "../support/orchestrator-bench.ts";

/**
 * Whatever may happen to an orchestrator, up to four things in a row, is played against a process on the in-process bus;
 * the chart, given how the work that it invokes ends, says what must come of it.
 */
type Happening = "start" | "renewalsFail" | "renewalsSucceed" | "drain";
const HAPPENINGS: readonly Happening[] = ["start", "renewalsFail", "renewalsSucceed", "drain"];

interface World {
  started: boolean;
  renews: boolean;
}

type Snapshot = SnapshotFrom<typeof orchestratorMachine>;
const send = (state: Snapshot, event: { readonly type: string }): Snapshot =>
  transition(orchestratorMachine, state, event as OrchestratorMachineEvent)[0];

/** Carries the chart on to where it waits for the bus. */
function settle(from: Snapshot): Snapshot {
  for (let state = from; ; ) {
    const done = (["openGateway", "closeGateway", "leave"] as const).map((id) => `xstate.done.actor.${id}`);
    const next = ["shardsSettled", ...done]
      .map((type) => send(state, { type }))
      .find(({ value }) => !same(value, state.value));
    if (!next) return state;
    state = next;
  }
}

const same = (one: Snapshot["value"], other: Snapshot["value"]) => JSON.stringify(one) === JSON.stringify(other);
const assigned = { type: "shardsAssigned", ours: new Set([0, 1]) } as const;

function step(before: Snapshot, happening: Happening, world: World): Snapshot {
  const renewal = () => settle(send(before, world.renews ? assigned : { type: "leaseLost" }));
  if (happening === "drain") return world.started ? settle(send(before, { type: "drain" })) : before;
  if (happening === "start") world.started = true;
  else world.renews = happening === "renewalsSucceed";
  return world.started && before.status === "active" ? renewal() : before;
}

interface Played {
  readonly started: Promise<unknown>[];
  readonly stopped: Promise<unknown>[];
}

async function play(bench: OrchestratorBench, happening: Happening, played: Played): Promise<void> {
  const { clock, orchestrator, leaseMs } = bench;
  switch (happening) {
    case "start":
      if (played.started.length === 0) played.started.push(orchestrator.start().catch((error: unknown) => error));
      break;
    case "drain":
      if (played.started.length > 0) played.stopped.push(orchestrator.stop());
      break;
    default:
      bench.refuse("renewals", happening === "renewalsFail");
  }
  // Longer than a lease and what follows from its end.
  await clock.advance(2 * leaseMs);
}

/** What can be seen of each state from outside. */
const LOOKS: Readonly<Record<string, { present?: boolean; serves: boolean; owns: boolean }>> = {
  joining: { serves: false, owns: false },
  serving: { present: true, serves: true, owns: true },
  leaseless: { present: false, serves: true, owns: false },
  stopped: { present: false, serves: false, owns: false },
};

async function expectState(bench: OrchestratorBench, state: Snapshot, at: string): Promise<void> {
  const expected = LOOKS[typeof state.value === "string" ? state.value : Object.keys(state.value)[0]!]!;
  expect(await bench.serves(), `serves ${at}`).toBe(expected.serves);
  expect(await bench.owned(), `owns ${at}`).toBe(expected.owns ? bench.shards : 0);
  if (expected.present !== undefined) expect(await bench.isPresent(), `present ${at}`).toBe(expected.present);
  if (state.value === "stopped") expect(await bench.claimed(), `claims ${at}`).not.toContain("us");
}

const sequences: Happening[][] = HAPPENINGS.flatMap((a) =>
  HAPPENINGS.flatMap((b) => HAPPENINGS.flatMap((c) => HAPPENINGS.map((d) => [a, b, c, d]))),
);
const [first] = initialTransition(orchestratorMachine, { shardCount: 0 });

describe("an orchestrator follows its chart", () => {
  it.each(HAPPENINGS.map((one) => [one] as const))(
    "whatever happens, first of all %s",
    async (begin) => {
      for (const sequence of sequences.filter(([one]) => one === begin)) {
        await using bench = await createOrchestratorBench();
        const world: World = { started: false, renews: true };
        const played: Played = { started: [], stopped: [] };
        let state = first;
        for (const [i, happening] of sequence.entries()) {
          state = step(state, happening, world);
          await play(bench, happening, played);
          await expectState(bench, state, sequence.slice(0, i + 1).join(" → "));
        }
        for (const promise of played.stopped) await bench.clock.runUntilSettled(promise);
      }
    },
    60_000,
  );

  it("can come into every state of its chart", () => {
    const rested = new Set<string>();
    for (const sequence of sequences) {
      const world: World = { started: false, renews: true };
      let state = first;
      for (const happening of sequence) {
        state = step(state, happening, world);
        rested.add(typeof state.value === "string" ? state.value : Object.keys(state.value)[0]!);
      }
    }
    // It passes through draining.
    expect(rested).toEqual(new Set(["joining", "serving", "leaseless", "stopped"]));
  });

  it("ends every effect of its shards in the turn in which the lease ends", async () => {
    await using bench = await createOrchestratorBench();
    const { clock, leaseMs, log, orchestrator } = bench;
    await clock.runUntilSettled(orchestrator.start());
    bench.refuse("renewals", true);
    await clock.runUntil(() => log.some((line) => line.startsWith("the lease has run out")), leaseMs);
    expect(await bench.owned()).toBe(0);
    expect(log.filter((line) => line.startsWith("the lease has run out"))).toHaveLength(1);
  });

  it("gives back what it has taken when its gateway cannot be opened, and says why", async () => {
    await using bench = await createOrchestratorBench();
    const { clock, orchestrator } = bench;
    bench.refuse("service", true);
    await expect(clock.runUntilSettled(orchestrator.start())).rejects.toThrow("not now");
    await clock.runUntilSettled(orchestrator.stop());
    expect(await bench.claimed()).toEqual([null, null]);
    expect(await bench.isPresent()).toBe(false);
  });

  it("hands its shards back before it withdraws its presence", async () => {
    await using bench = await createOrchestratorBench();
    const { clock, orchestrator } = bench;
    await clock.runUntilSettled(orchestrator.start());
    expect(await bench.claimed()).toEqual(["us", "us"]);
    await clock.runUntilSettled(orchestrator.stop());
    expect(await bench.claimed()).toEqual([null, null]);
    expect(await bench.isPresent()).toBe(false);
  });
});
