import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOver } from "../../src/fold/run-state.ts";
import { isFinal, stateOf } from "../../src/fold/task-record.ts";
import { digestOf, RecordingEffects, replay } from "../support/folded-run.ts";
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
  it("folds to the same state again, wherever a new owner takes over", () => {
    forAll((tree, order, cancel) => {
      const { run } = play(tree, order, cancel);
      const digest = digestOf(run.state);
      expect(digestOf(replay(run.log))).toEqual(digest);
      for (const from of [1, Math.floor(run.log.length / 2), run.log.length])
        expect(digestOf(replay(run.log, { from, effects: new Lenient() }))).toEqual(digest);
    });
  });

  it("asks for the same effects again when it is folded again", () => {
    forAll((tree, order, cancel) => {
      const { run } = play(tree, order, cancel);
      const effects = new RecordingEffects();
      replay(run.log, { effects });
      expect(effects.calls).toEqual(run.effects.calls);
      expect([...effects.queued]).toEqual([...run.effects.queued]);
    });
  });

  it("comes to an end as long as open tasks are answered, and leaves nothing queued or armed", () => {
    forAll((tree, order, cancel) => {
      const random = play(tree, order, cancel);
      random.finish();
      const { state, effects } = random.run;
      expect(isOver(state)).toBe(true);
      const times = 1 + (state.redriven?.times ?? 0);
      expect([effects.concluded, effects.closed]).toEqual([times, times]);
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

/** A host that comes in the middle hears of the end of what it did not hear begin. */
class Lenient extends RecordingEffects {
  override dequeue(): void {}
  override disarm(): void {}
  override enqueue(): void {}
}
