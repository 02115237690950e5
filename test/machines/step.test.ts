import { describe, expect, it } from "vitest";
import { initialTransition, transition } from "xstate";
import { getAdjacencyMap } from "xstate/graph";
import { runMachine, runStepKey } from "../../src/machines/run.ts";
import { createStepper } from "../../src/machines/step.ts";
import { taskMachine } from "../../src/machines/task.ts";
import { type TaskMachineEvent, taskStepKey } from "../../src/machines/task-event.ts";

const EVENTS: readonly TaskMachineEvent[] = [
  { type: "ready" },
  { type: "returned" },
  { type: "planned" },
  { type: "attemptFailed", error: { kind: "retryable", message: "again" } },
  { type: "attemptFailed", error: { kind: "terminal", message: "never" } },
  { type: "backoffElapsed" },
  { type: "met" },
  { type: "broken" },
  { type: "expired" },
  { type: "cancel" },
];
const input = { attempts: 2 };
const typesOf = (actions: readonly { readonly type: string }[]) => actions.map(({ type }) => type);

describe("a stepper", () => {
  it("begins as XState's own initialTransition does", () => {
    const step = createStepper(taskMachine, taskStepKey).initial(input);
    const [snapshot, actions] = initialTransition(taskMachine, input);
    expect(step.snapshot.toJSON()).toEqual(snapshot.toJSON());
    expect(step.effects).toEqual(typesOf(actions));
  });

  it("steps as XState's own transition does, from every state by every event", () => {
    const steps = createStepper(taskMachine, taskStepKey);
    const states = Object.values(getAdjacencyMap(taskMachine, { input, events: EVENTS }));
    expect(states.length).toBeGreaterThan(10);
    for (const { state } of states) {
      for (const event of EVENTS) {
        const step = steps.step(state, event);
        const [snapshot, actions] = transition(taskMachine, state, event);
        expect(step.snapshot.toJSON()).toEqual(snapshot.toJSON());
        expect(step.effects).toEqual(typesOf(actions));
      }
    }
  });

  it("keeps the snapshot itself where the chart ignores the event", () => {
    const steps = createStepper(taskMachine, taskStepKey);
    const { snapshot } = steps.initial(input);
    expect(steps.step(snapshot, { type: "returned" })).toEqual({ snapshot, effects: [] });
    expect(steps.step(snapshot, { type: "returned" }).snapshot).toBe(snapshot);
  });

  it("lets a machine that is done take no more events, as an actor would", () => {
    const steps = createStepper(runMachine, runStepKey);
    const over = steps.step(steps.initial(undefined).snapshot, { type: "ended", status: "cancelled" }).snapshot;
    expect(over.value).toBe("cancelled");
    expect(transition(runMachine, over, { type: "ended", status: "succeeded" })[0].value).toBe("succeeded");
    expect(steps.step(over, { type: "ended", status: "succeeded" })).toEqual({ snapshot: over, effects: [] });
  });

  it("computes a step on which no data depends once, so that snapshots are shared", () => {
    const steps = createStepper(taskMachine, taskStepKey);
    const { snapshot } = steps.initial(input);
    const ready = steps.stepOnce(snapshot, "ready");
    expect(steps.stepOnce(snapshot, "ready")).toBe(ready);
    expect(ready).toMatchObject({
      snapshot: { value: "ready" },
      effects: ["disarmWithin", "armDeadline", "openAttempt"],
    });
  });

  it("computes a step on which data depends once for each key", () => {
    const steps = createStepper(taskMachine, taskStepKey);
    const ready = steps.stepOnce(steps.initial(input).snapshot, "ready").snapshot;
    const failed = (kind: "retryable" | "terminal") =>
      steps.step(ready, { type: "attemptFailed", error: { kind, message: "" } });
    expect(failed("retryable")).toBe(failed("retryable"));
    expect([failed("retryable").snapshot.value, failed("terminal").snapshot.value]).toEqual(["backingOff", "failed"]);
  });

  it("keeps no step from a snapshot that is not shared", () => {
    const steps = createStepper(taskMachine, taskStepKey, ({ context }) => context.attempt < 2);
    const shared = steps.initial(input).snapshot;
    expect(steps.stepOnce(shared, "ready")).toBe(steps.stepOnce(shared, "ready"));
    const own = steps.initial({ ...input, spent: 1 }).snapshot;
    expect(steps.stepOnce(own, "ready")).toEqual(steps.stepOnce(own, "ready"));
    expect(steps.stepOnce(own, "ready")).not.toBe(steps.stepOnce(own, "ready"));
    expect(steps.step(own, { type: "cancel" })).not.toBe(steps.step(own, { type: "cancel" }));
  });
});
