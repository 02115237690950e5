import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { obligationsOf } from "../../src/fold/obligations.ts";
import { isOver } from "../../src/fold/run-state.ts";
import { isFinal, stateOf } from "../../src/fold/task-record.ts";
import { digestOf, RecordingHost, replay } from "../support/folded-run.ts";
import { isNeeded, RandomRun, randomTree } from "../support/random-tree.ts";

/** Steps of workers and timers, and among them what has no business there. */
const turns = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: fc.constant("step" as const), choice: fc.nat() }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("disturb" as const), choice: fc.nat(), how: fc.nat(7) }) },
  ),
  { maxLength: 60 },
);
/** After how many turns somebody cancels; mostly nobody. */
const cancelAfter = fc.option(fc.nat(30), { freq: 3 });

function play(
  tree: Parameters<typeof check>[0],
  order: Parameters<typeof check>[1],
  cancel: number | null,
  after?: (random: RandomRun) => void,
) {
  const random = new RandomRun(tree, { deadlineMs: 3_600_000 });
  order.forEach((turn, i) => {
    if (i === cancel) random.cancel();
    if (turn.kind === "step") random.step(turn.choice);
    else random.disturb(turn.how, turn.choice);
    after?.(random);
  });
  return random;
}
type Turns = typeof turns extends fc.Arbitrary<infer T> ? T : never;
type Tree = ReturnType<typeof randomTree> extends fc.Arbitrary<infer T> ? T : never;
type Check = (tree: Tree, order: Turns, cancel: number | null) => void;
const check = (tree: Tree, order: Turns, cancel: number | null, run: Check) => run(tree, order, cancel);

const forAll = (run: Check) =>
  fc.assert(
    fc.property(randomTree({ faultless: false }), turns, cancelAfter, (...all) => check(...all, run)),
    { numRuns: 400 },
  );

describe("any log", () => {
  it("folds to the same state again, and asks for the same again", () => {
    forAll((tree, order, cancel) => {
      const { run } = play(tree, order, cancel);
      const host = new RecordingHost();
      expect(digestOf(replay(run.log, host))).toEqual(digestOf(run.state));
      expect(host.calls).toEqual(run.effects.calls);
    });
  });

  it("leads to a state that says by itself what is queued, armed and to be concluded", () => {
    forAll((tree, order, cancel) => {
      play(tree, order, cancel, ({ run: { state, effects, outcome } }) => {
        const derived = new RecordingHost();
        if (!isOver(state)) derived.carryOut([...obligationsOf(state)], 0);
        expect(derived.queued).toEqual(effects.queued);
        expect(derived.armed).toEqual(effects.armed);
        expect(derived.concluded > 0).toBe(outcome !== undefined && !isOver(state));
      });
    });
  });

  it("comes to an end as long as open tasks are answered, and leaves nothing queued or armed", () => {
    forAll((tree, order, cancel) => {
      const random = play(tree, order, cancel);
      random.finish();
      const { state, effects } = random.run;
      expect(isOver(state)).toBe(true);
      const times = 1 + (state.redriven?.times ?? 0);
      expect([effects.concluded, effects.ended]).toEqual([times, times]);
      expect([...effects.queued, ...effects.armed.keys()]).toEqual([]);
    });
  });

  it("has totals that add up", () => {
    forAll((tree, order, cancel) => {
      const random = play(tree, order, cancel, ({ run: { state, totals } }) => {
        const states = [...state.tasks.values()].map(stateOf);
        const count = (wanted: string) => states.filter((one) => one === wanted).length;
        expect(totals).toMatchObject({
          tasks: states.length,
          succeeded: count("succeeded"),
          failed: count("failed"),
          cancelled: count("cancelled"),
        });
      });
      random.finish();
      const { tasks, succeeded, failed, cancelled } = random.run.totals;
      expect(succeeded + failed + cancelled).toBe(tasks);
      expect([...random.run.state.tasks.values()].every(isFinal)).toBe(true);
    });
  });

  it("keeps in memory the outputs that somebody still needs, and no others", () => {
    forAll((tree, order, cancel) => {
      play(tree, order, cancel, ({ run: { state } }) => {
        if (isOver(state)) return;
        for (const task of state.tasks.values()) {
          if (task.children || stateOf(task) !== "succeeded") expect(task.output).toBeUndefined();
          else expect([task.id, task.output !== undefined]).toEqual([task.id, isNeeded(task)]);
        }
      });
    });
  });
});

describe("a run without faults", () => {
  it("comes to the same output, whatever the order of its results", () => {
    const orders = fc.array(fc.nat(), { maxLength: 60 });
    fc.assert(
      fc.property(randomTree({ faultless: true }), orders, orders, (tree, one, other) => {
        const [first, second] = [one, other].map((choices) => {
          const random = new RandomRun(tree);
          for (const choice of choices) if (random.run.outcome === undefined) random.step(choice);
          while (random.run.outcome === undefined) random.step(0);
          return random;
        }) as [RandomRun, RandomRun];
        expect(first.run.outcome).toBe("succeeded");
        expect(second.run.output()).toEqual(first.run.output());
        expect(second.run.totals).toEqual(first.run.totals);
        expect(Object.fromEntries(second.inputs)).toEqual(Object.fromEntries(first.inputs));
      }),
      { numRuns: 400 },
    );
  });
});
