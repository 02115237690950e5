import type { Priority } from "../../src/core/names.ts";
import type { ResolvedRetry } from "../../src/core/policy.ts";
import type { Chance } from "./chance.ts";

/** What a task does, whoever executes it. It travels in the task's input, so that handlers need nothing else. */
export type Behaviour = {
  /** Its path in the tree, so that no two outputs are alike. */
  readonly name: string;
  readonly type: string;
  /** How long an attempt takes. */
  readonly ms: number;
  /** Attempts that fail, retryably, before the one that counts. */
  readonly failures: number;
  /** The failures ask for this much time. */
  readonly retryAfterMs: number;
  /** Attempts that hang until their timeout, after those that fail. */
  readonly hangs: number;
  /** Attempts that say "not now", before all others. */
  readonly deferrals: number;
  /** Executions that kill their process. */
  readonly kills: number;
  readonly ends: "value" | "bulky" | "plan" | "terminal" | "refused";
  readonly children: readonly Child[];
  /** The child whose output is the plan's; none: all of them. */
  readonly output?: string;
};

export type Child = {
  readonly key: string;
  readonly behaviour: Behaviour;
  /** Siblings that its input refers to, and those it merely needs. */
  readonly refs: readonly string[];
  readonly needs: readonly string[];
  readonly retry?: ResolvedRetry;
  readonly timeout?: number;
  readonly priority?: Priority;
};

export interface SimulatedRun {
  readonly run: string;
  readonly root: Behaviour;
  readonly atMs: number;
  /** By `submit` and `result`, by `run`, or published for whoever comes. */
  readonly how: "submit" | "run" | "durable";
  readonly cancelAfterMs?: number;
  readonly deadlineMs?: number;
  /** When it fails, it is redriven, so many times. */
  readonly redrives: number;
}

export interface SimulatedType {
  readonly type: string;
  readonly retry: ResolvedRetry;
  /** Attempts at once in one process; undefined: as many as the process allows. */
  readonly concurrency: number | undefined;
}

/** With a timeout, a pause may cost attempts that a faultless run has not lost: such tasks have enough of them. */
const PATIENT: ResolvedRetry = { attempts: 40, backoff: "constant", delay: 200, maxDelay: 200 };
const TIMEOUT_MS = 3000;

export function randomTypes(chance: Chance): SimulatedType[] {
  return Array.from({ length: chance.int(1, 4) }, (_, i) => ({
    type: `t${i}`,
    retry: randomRetry(chance),
    concurrency: chance.happens(0.3) ? chance.int(1, 2) : undefined,
  }));
}

function randomRetry(chance: Chance): ResolvedRetry {
  const delay = chance.int(10, 2000);
  return {
    attempts: chance.int(1, 4),
    backoff: chance.pick(["constant", "linear", "exponential"]),
    delay,
    maxDelay: delay * chance.int(1, 4),
  };
}

export function randomRuns(chance: Chance, types: readonly SimulatedType[], withinMs: number): SimulatedRun[] {
  const kills = { left: 2 };
  return Array.from({ length: chance.int(1, 6) }, (_, i) => {
    const shape = chance.pick(["small", "nested", "deep", "wide"] as const);
    const size = { small: 3, nested: 25, deep: 15, wide: 30 }[shape];
    const tree = new Tree(chance, types, { left: chance.int(1, size) }, shape, kills);
    return {
      run: `r${i}`,
      root: tree.behaviour("-", 0, false),
      atMs: chance.int(0, withinMs),
      how: chance.pick(["submit", "run", "durable"] as const),
      ...(chance.happens(0.15) && { cancelAfterMs: chance.int(0, 10_000) }),
      ...(chance.happens(0.1) && { deadlineMs: chance.int(500, 20_000) }),
      redrives: chance.happens(0.6) ? chance.int(1, 3) : 0,
    };
  });
}

/** A run whose tasks follow one another for some minutes. */
export function lingeringRun(chance: Chance, types: readonly SimulatedType[], run: string): SimulatedRun {
  const value = {
    failures: 0,
    deferrals: 0,
    retryAfterMs: 0,
    hangs: 0,
    kills: 0,
    ends: "value",
    children: [],
  } as const;
  const children = Array.from({ length: 100 }, (_, i): Child => {
    const ends = chance.happens(0.03) ? "bulky" : "value";
    const behaviour = {
      ...value,
      ends,
      name: `k${i}`,
      type: chance.pick(types).type,
      ms: chance.int(300, 4000),
    } as const;
    return { key: `k${i}`, behaviour, refs: i > 0 ? [`k${i - 1}`] : [], needs: [] };
  });
  const root: Behaviour = { ...value, name: "-", type: chance.pick(types).type, ms: 0, ends: "plan", children };
  return {
    run,
    root,
    atMs: chance.int(0, 20_000),
    how: chance.pick(["submit", "run", "durable"] as const),
    redrives: 0,
  };
}

class Tree {
  readonly #chance: Chance;
  readonly #types: readonly SimulatedType[];
  /** Tasks that may still be placed, and killers. */
  readonly #budget: { left: number };
  readonly #kills: { left: number };
  readonly #shape: "small" | "nested" | "deep" | "wide";

  constructor(
    chance: Chance,
    types: readonly SimulatedType[],
    budget: { left: number },
    shape: "small" | "nested" | "deep" | "wide",
    kills: { left: number },
  ) {
    this.#chance = chance;
    this.#types = types;
    this.#budget = budget;
    this.#shape = shape;
    this.#kills = kills;
  }

  behaviour(name: string, depth: number, patient: boolean): Behaviour {
    const chance = this.#chance;
    const deep = this.#shape === "deep" ? 12 : 4;
    const plans = this.#budget.left > 0 && depth < deep && (depth === 0 || chance.happens(depth === 0 ? 1 : 0.5));
    const ends = chance.happens(0.02)
      ? chance.pick(["terminal", "refused"] as const)
      : plans
        ? "plan"
        : chance.happens(0.01)
          ? "bulky"
          : "value";
    const kills = this.#kills.left > 0 && chance.happens(0.02) ? 1 : 0;
    this.#kills.left -= kills;
    const children = ends === "plan" ? this.#children(name, depth) : [];
    const output = children.length > 0 && chance.happens(0.5) ? chance.pick(children).key : undefined;
    return {
      name,
      type: chance.pick(this.#types).type,
      // What takes longer than its timeout never succeeds.
      ms: chance.happens(0.3) ? 0 : chance.exponential(300, patient ? TIMEOUT_MS / 2 : 4000),
      failures: chance.happens(0.15) ? chance.int(1, 3) : 0,
      retryAfterMs: chance.happens(0.2) ? chance.int(1, 3000) : 0,
      hangs: patient && chance.happens(0.5) ? 1 : 0,
      deferrals: chance.happens(0.1) ? chance.int(1, 4) : 0,
      kills,
      ends,
      children,
      ...(output !== undefined && { output }),
    };
  }

  #children(parent: string, depth: number): Child[] {
    const chance = this.#chance;
    const most = { small: 3, nested: 5, deep: 2, wide: 30 }[this.#shape];
    const count = Math.min(this.#budget.left, chance.int(this.#shape === "wide" ? 8 : 1, most));
    this.#budget.left -= count;
    const keys: string[] = [];
    return Array.from({ length: count }, (_, i) => {
      const key = `k${i}`;
      const patient = chance.happens(0.05);
      const near = keys.slice(-4);
      const child: Child = {
        key,
        behaviour: this.behaviour(parent === "-" ? key : `${parent}/${key}`, depth + 1, patient),
        refs: chance.some(near, 0.2),
        needs: chance.some(near, 0.1),
        ...(patient ? { retry: PATIENT, timeout: TIMEOUT_MS } : chance.happens(0.2) && { retry: randomRetry(chance) }),
        ...(chance.happens(0.2) && { priority: chance.pick(["high", "low"] as const) }),
      };
      keys.push(key);
      return child;
    });
  }
}
