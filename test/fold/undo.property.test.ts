import fc from "fast-check";
import { expect, it } from "vitest";
import { ROOT } from "../../src/core/names.ts";
import { isFinal, stateOf, type TaskRecord } from "../../src/fold/task-record.ts";
import { FoldedRun, replay } from "../support/folded-run.ts";

/** Any plan with undos, fallbacks and cleanups in it, and any way in which its tasks come out: what holds at the end of all. */
interface Shape {
  readonly tasks: readonly {
    readonly inner: Shape | null;
    readonly needs: readonly number[];
    readonly join: "all" | "settled" | "any";
    readonly compensate: boolean;
    readonly fallback: "none" | "value" | "type";
    readonly optional: boolean;
    readonly replan: boolean;
  }[];
  readonly join: "all" | "settled" | "any";
  readonly tidies: boolean;
}

const join = fc.constantFrom("all" as const, "all" as const, "settled" as const, "any" as const);
const shape = (depth: number): fc.Arbitrary<Shape> =>
  fc.record({
    tasks: fc.array(
      fc.record({
        inner: depth === 0 ? fc.constant(null) : fc.option(shape(depth - 1), { freq: 2 }),
        needs: fc.array(fc.nat(3), { maxLength: 2 }),
        join,
        compensate: fc.boolean(),
        fallback: fc.constantFrom("none" as const, "none" as const, "value" as const, "type" as const),
        optional: fc.boolean(),
        replan: fc.boolean(),
      }),
      { minLength: 1, maxLength: 4 },
    ),
    join,
    tidies: fc.boolean(),
  });

const t = { type: "t" };
function planOf({ tasks, join, tidies }: Shape): object {
  const entries = tasks.map(({ inner, needs, join, compensate, fallback, optional, replan }, index) => {
    const needed = [...new Set(needs.filter((need) => need < index))].map((need) => `k${need}`);
    return [
      `k${index}`,
      {
        ...(inner ? { plan: planOf(inner), ...(replan && { replan: "r" }) } : t),
        ...(needed.length > 0 && { needs: needed, join }),
        ...(compensate && { compensate: { type: "u", input: { $ref: `k${index}` } } }),
        ...(fallback === "value" && { fallback: { value: 0 } }),
        ...(fallback === "type" && { fallback: t }),
        optional,
      },
    ];
  });
  return { tasks: Object.fromEntries(entries), join, ...(tidies && { finally: { type: "tidy" } }) };
}

const turn = fc.record({
  choice: fc.nat(),
  how: fc.constantFrom(...(["returns", "returns", "returns", "fails", "poison", "aborted"] as const)),
});
const MOST_TURNS = 400;
/** When it is cancelled, and again. */
const cancels = fc.option(fc.tuple(fc.nat(40), fc.nat(20)), { freq: 2 });

function play(plan: Shape, turns: readonly { choice: number; how: string }[], cancelled: [number, number] | null) {
  const run = new FoldedRun().plansV2(ROOT, planOf(plan) as never);
  for (let i = 0; run.outcome === undefined; i++) {
    if (i > MOST_TURNS) throw new Error(`it does not end: ${JSON.stringify(run.states())}`);
    if (cancelled?.[0] === i) run.cancel();
    else if (cancelled && cancelled[0] + cancelled[1] + 1 === i) run.append("cancel", { v: 1, force: true });
    else step(run, turns[i % turns.length]!);
  }
  return run;
}

function step(run: FoldedRun, { choice, how }: { choice: number; how: string }): void {
  const queued = [...run.effects.queued];
  const asking = [...run.state.tasks.values()].find(isAnswered);
  if (asking) {
    const { replanner } = asking.children!.plan!;
    const { attempt } = replanner!.snapshot.context;
    return void run.append("replan", { v: 2, task: asking.id, attempt, change: { tasks: { new: t } } });
  }
  if (queued.length === 0) throw new Error(`nothing is left to do: ${JSON.stringify(run.states())}`);
  const task = queued[choice % queued.length]!.split("@")[0]!;
  if (how === "returns") run.returns(task, 1);
  else run.fails(task, { kind: how === "fails" ? "terminal" : how === "poison" ? "poison" : "cancelled" });
}

const isAnswered = (task: TaskRecord): boolean =>
  stateOf(task) === "replanning" && stateOf(task.children!.plan!.replanner!) === "succeeded";

it("ends, has undone or listed all that may have done something, and has tidied up after every plan", () => {
  const property = fc.property(
    shape(2),
    fc.array(turn, { minLength: 1, maxLength: 40 }),
    cancels,
    (plan, turns, cancelled) => {
      const run = play(plan, turns, cancelled);
      const tasks = [...run.state.tasks.values()];
      expect(tasks.filter((task) => !isFinal(task)).map(({ id }) => id)).toEqual([]);
      expect([run.effects.queued.size, run.effects.armed.size, run.state.unwindings.size]).toEqual([0, 0, 0]);
      if (run.state.isForced) return;
      for (const task of tasks) {
        const { undo } = task.node ?? {};
        // What is left has an undo that has failed.
        if (run.outcome !== "succeeded" && isReachable(task) && undo?.hasEffects)
          expect([task.id, undo.task && stateOf(undo.task)]).not.toEqual([task.id, undefined]);
        const last = task.children?.plan;
        if (last?.checked.plan.finally)
          expect([task.id, last.cleanup && isFinal(last.cleanup)]).toEqual([task.id, true]);
      }
      const again = replay(run.log);
      expect([...again.tasks.values()].map((task) => [task.id, stateOf(task)])).toEqual(
        tasks.map((task) => [task.id, stateOf(task)]),
      );
    },
  );
  fc.assert(property, { numRuns: 300 });
});

/** Whether it is in the tree still: a fallback, or a change of the plan, has others in the place of what was there. */
const isReachable = (task: TaskRecord): boolean =>
  !task.parent || ((task.parent.children?.all.includes(task) ?? false) && isReachable(task.parent));
