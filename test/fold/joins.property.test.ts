import fc from "fast-check";
import { expect, it } from "vitest";
import { attemptOf } from "../../src/fold/task-record.ts";
import { FoldedRun } from "../support/folded-run.ts";

/** A task of a random plan: it needs some of those before it. */
interface Spec {
  readonly needs: readonly string[];
  readonly join: Rule;
  readonly optional: boolean;
}
type Rule =
  | "all"
  | "settled"
  | "any"
  | { readonly quorum: number }
  | { readonly settled: { readonly failures: number } };
type State = "blocked" | "ready" | "succeeded" | "failed" | "skipped" | "abandoned" | "cancelled";
interface Counts {
  readonly k: number;
  readonly f: number;
  readonly s: number;
  readonly u: number;
}

/** The rules, said a second time and as plainly as can be. */
function verdict(rule: Rule, { k, f, s, u }: Counts): "open" | "met" | "broken" | "skipped" {
  if (rule === "all") return f > 0 ? "broken" : s > 0 ? "skipped" : u === 0 ? "met" : "open";
  const failures = typeof rule === "object" && "settled" in rule ? rule.settled.failures : undefined;
  if (rule === "settled" || failures !== undefined)
    return f > (failures ?? k + f + s + u) ? "broken" : u === 0 ? "met" : "open";
  const quorum = typeof rule === "object" && "quorum" in rule ? rule.quorum : 1;
  if (k >= quorum) return "met";
  return k + u >= quorum ? "open" : f > 0 ? "broken" : "skipped";
}

/** A plan as it stands: everything is looked at again after each event. */
class ReferencePlan {
  readonly states = new Map<string, State>();
  end: "succeeded" | "failed" | "skipped" | undefined;
  /** A skip and a failure came by the same event: which of them is first is not said. */
  isAmbiguous = false;
  readonly #specs: ReadonlyMap<string, Spec>;
  readonly #join: Rule;

  constructor(specs: ReadonlyMap<string, Spec>, join: Rule) {
    this.#specs = specs;
    this.#join = join;
    for (const [key, { needs }] of specs) this.states.set(key, needs.length === 0 ? "ready" : "blocked");
  }

  settle(key: string, state: "succeeded" | "failed"): void {
    this.states.set(key, state);
    while (!this.end && this.#spread());
    if (!this.end) this.end = this.#judgePlan();
  }

  #spread(): boolean {
    let changed = false;
    const change = (key: string, state: State) => {
      this.states.set(key, state);
      changed = true;
    };
    for (const [key, { needs, join }] of this.#specs) {
      if (this.states.get(key) !== "blocked") continue;
      const counts = this.#count(needs, join === "all");
      this.isAmbiguous ||= counts.f > 0 && counts.s > 0 && join !== "settled";
      const said = verdict(join, counts);
      if (said !== "open") change(key, ({ met: "ready", broken: "failed", skipped: "skipped" } as const)[said]);
    }
    for (const [key, state] of this.states) {
      const dependents = this.#dependentsOf(key);
      const isWaitedFor = dependents.some((one) => this.states.get(one) === "blocked");
      if ((state === "ready" || state === "blocked") && dependents.length > 0 && !isWaitedFor) change(key, "abandoned");
    }
    return changed;
  }

  #judgePlan(): ReferencePlan["end"] {
    const sinks = [...this.#specs.keys()].filter((key) => this.#dependentsOf(key).length === 0);
    const { k, f, s, u } = this.#count(sinks, true);
    const said = verdict(this.#join, this.#join === "all" ? { k: k + s, f, s: 0, u } : { k, f, s, u });
    return said === "open" ? undefined : ({ met: "succeeded", broken: "failed", skipped: "skipped" } as const)[said];
  }

  #count(keys: readonly string[], areOptionalNeutral: boolean): Counts {
    const counts = { k: 0, f: 0, s: 0, u: 0 };
    for (const key of keys) {
      const state = this.states.get(key)!;
      if (state === "succeeded") counts.k++;
      else if (state === "failed") counts[areOptionalNeutral && this.#specs.get(key)!.optional ? "s" : "f"]++;
      else if (state === "skipped") counts.s++;
      else counts.u++;
    }
    return counts;
  }

  #dependentsOf(key: string): string[] {
    return [...this.#specs].flatMap(([one, { needs }]) => (needs.includes(key) ? [one] : []));
  }
}

const rule = (most: number): fc.Arbitrary<Rule> =>
  fc.oneof(
    fc.constantFrom("all" as const, "settled" as const, "any" as const),
    fc.integer({ min: 1, max: most }).map((quorum) => ({ quorum })),
    fc.integer({ min: 0, max: most }).map((failures) => ({ settled: { failures } })),
  );
const plans = fc
  .array(fc.record({ needs: fc.array(fc.nat(), { maxLength: 3 }), pick: fc.nat(), optional: fc.boolean() }), {
    minLength: 2,
    maxLength: 8,
  })
  .chain((stated) => {
    const specs = stated.map(({ needs, optional }, i) => ({
      needs: i === 0 ? [] : [...new Set(needs.map((need) => `t${need % i}`))],
      optional,
    }));
    const joins = specs.map(({ needs }) => (needs.length === 0 ? fc.constant<Rule>("all") : rule(needs.length)));
    return fc
      .tuple(...joins)
      .map((chosen) => new Map(specs.map((spec, i) => [`t${i}`, { ...spec, join: chosen[i]! }])));
  });
/** Which of the open tasks ends next, and how; some are deferred or lost before, which changes nothing. */
const steps = fc.array(fc.record({ pick: fc.nat(), how: fc.constantFrom("ok", "ok", "fail", "defer", "lose") }), {
  maxLength: 24,
});
const planJoins = fc.constantFrom<Rule>("all", "any", "settled");

it("a plan of any joins stands, after every event, where a plain reading of the rules says", () => {
  let compared = 0;
  fc.assert(
    fc.property(plans, planJoins, steps, (specs, join, taken) => {
      const tasks = Object.fromEntries(
        [...specs].map(([key, { needs, join, optional }]) => [
          key,
          { type: "t", ...(needs.length > 0 && { needs: [...needs], join }), ...(optional && { optional }) },
        ]),
      );
      const run = new FoldedRun().plansV2("-", { tasks, join } as never);
      const reference = new ReferencePlan(specs, join);
      for (const { pick, how } of taken) {
        const open = [...reference.states].flatMap(([key, state]) => (state === "ready" ? [key] : []));
        if (reference.end || open.length === 0) return;
        const key = open[pick % open.length]!;
        const attempt = attemptOf(run.task(key));
        if (how === "defer") run.append("deferred", { v: 2, task: key, attempt, retryAfterMs: 10 });
        if (how === "lose")
          run.append("lost", { v: 2, task: key, attempt, worker: "w", gone: true, alone: false, begun: true });
        if (how === "defer" || how === "lose") run.passes(key, "backoff");
        else {
          if (how === "ok") run.returns(key, key);
          else run.fails(key);
          reference.settle(key, how === "ok" ? "succeeded" : "failed");
        }
        if (reference.isAmbiguous) return;
        compared++;
        if (reference.end) return void expect(run.states("-")).toEqual({ "-": reference.end });
        expect(run.states(...specs.keys())).toEqual(Object.fromEntries(reference.states));
      }
    }),
    { numRuns: 1500 },
  );
  expect(compared).toBeGreaterThan(2000);
});
