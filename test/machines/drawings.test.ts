import { describe, expect, it } from "vitest";
import { type AnyStateMachine, type AnyStateNode, createMachine } from "xstate";
import { arrowsFrom, labelOf, statesOf } from "../../src/machines/chart-arrows.ts";
import { CHARTS } from "../../src/machines/charts.ts";
import { toMermaid, toMermaidTogether } from "../../src/machines/mermaid.ts";
import { outlineOf } from "../../src/machines/outline.ts";

/** What is printed of a chart is compared with its configuration, which is read here by other means. */
interface Config {
  readonly type?: string;
  readonly initial?: string;
  readonly entry?: unknown;
  readonly exit?: unknown;
  readonly states?: Readonly<Record<string, Config>>;
  readonly on?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
  readonly always?: unknown;
  readonly invoke?: {
    readonly id: string;
    readonly src: string;
    readonly onDone?: unknown;
    readonly onError?: unknown;
  };
}

interface Expected {
  /** Path of the state that it leaves. */
  readonly from: string;
  readonly words: readonly string[];
}

const listOf = (value: unknown): unknown[] => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

function transitionsIn(config: Config, path: readonly string[] = []): Expected[] {
  const from = path.join(".");
  const taken = (event: string, transitions: unknown): Expected[] =>
    listOf(transitions).map((one) => {
      const { guard, actions, target } = (typeof one === "string" ? { target: one } : one) as {
        guard?: string;
        actions?: unknown;
        target?: string;
      };
      const leaf = target?.split(/[.#]/).at(-1);
      return { from, words: [event, ...listOf(guard), ...listOf(actions), ...listOf(leaf)] as string[] };
    });
  const { invoke } = config;
  return [
    ...Object.entries(config.on ?? {}).flatMap(([event, one]) => taken(event, one)),
    ...Object.entries(config.after ?? {}).flatMap(([delay, one]) => taken(`after ${delay}`, one)),
    ...taken("always", config.always),
    ...(invoke ? [...taken(`${invoke.id} done`, invoke.onDone), ...taken(`${invoke.id} failed`, invoke.onError)] : []),
    ...Object.entries(config.states ?? {}).flatMap(([key, child]) => transitionsIn(child, [...path, key])),
  ];
}

const statesIn = (config: Config, path: readonly string[] = []): { path: readonly string[]; config: Config }[] =>
  Object.entries(config.states ?? {}).flatMap(([key, child]) => [
    { path: [...path, key], config: child },
    ...statesIn(child, [...path, key]),
  ]);

/** The lines that a Mermaid state diagram may have, as far as ours need them. */
const MERMAID = [
  /^\[\*\] --> \w+$/,
  /^\w+ --> \[\*\]$/,
  /^\w+ --> \w+ : [^:;]+$/,
  /^\w+ : [^:;]+$/,
  /^state "\w+" as \w+ \{$/,
  /^\}$/,
  /^note right of \w+$/,
  /^end note$/,
];

const linesOf = (diagram: string) => diagram.split("\n").map((line) => line.trim());

describe.each(Object.entries(CHARTS))("the chart of %s", (name, machine: AnyStateMachine) => {
  const config = machine.config as Config;
  const diagram = toMermaid(machine);
  const lines = linesOf(diagram);

  it("is named after its machine", () => {
    expect(machine.id).toBe(name);
  });

  it("is drawn in Mermaid's syntax, with its states closed", () => {
    expect(lines[0]).toBe("stateDiagram-v2");
    let isNote = false;
    const odd = lines.slice(1, -1).filter((line) => {
      if (line === "end note") isNote = false;
      const isFine = isNote || MERMAID.some((pattern) => pattern.test(line));
      if (line.startsWith("note ")) isNote = true;
      return !isFine;
    });
    expect(odd).toEqual([]);
    expect(lines.filter((line) => line.endsWith("{"))).toHaveLength(lines.filter((line) => line === "}").length);
  });

  it("is drawn with every state, where it begins and where it ends", () => {
    const missing = statesIn(config).flatMap(({ path, config: { states, type, initial } }) => {
      const id = path.join("_");
      const key = path.at(-1);
      const wanted = [
        states ? `state "${key}" as ${id} {` : `${id} : ${key}`,
        ...(type === "final" ? [`${id} --> [*]`] : []),
        ...(initial ? [`[*] --> ${id}_${initial}`] : []),
      ];
      return wanted.filter((line) => !lines.includes(line));
    });
    expect(missing).toEqual([]);
    expect(lines).toContain(`[*] --> ${config.initial}`);
  });

  it("is drawn with every transition: event, guard, actions and target", () => {
    const arrows = lines.filter((line) => line.includes("-->") && !line.includes("[*]"));
    const expected = transitionsIn(config);
    const missing = expected.filter(({ from, words }) => {
      const id = from.replaceAll(".", "_");
      return !arrows.some(
        (arrow) => (from === "" || arrow.startsWith(`${id} -->`)) && words.every((word) => arrow.includes(word)),
      );
    });
    expect(missing).toEqual([]);
    // And with none that the chart does not have; those at its top are drawn from several states.
    const atTheTop = expected.filter(({ from }) => from === "");
    const drawnOften = arrows.filter((arrow) =>
      atTheTop.some(({ words }) => words.every((word) => arrow.includes(word)) && !arrow.includes("(ignored)")),
    );
    expect(arrows.length - drawnOften.length).toBe(expected.length - atTheTop.length);
  });

  it("is drawn with what its states do on entry and exit, and what they invoke", () => {
    const effects = statesIn(config).flatMap(({ config: { entry, exit, invoke } }) => [
      ...listOf(entry),
      ...listOf(exit),
      ...listOf(invoke?.src),
    ]);
    expect(effects.filter((effect) => !diagram.includes(effect as string))).toEqual([]);
  });

  it("is written out with every state, what it means, and every transition", () => {
    const outline = outlineOf(machine);
    const of = (kind: string) => outline.filter((line) => line.kind === kind);
    expect(of("state")).toHaveLength(statesIn(config).length);
    expect(of("arrow")).toHaveLength(transitionsIn(config).length);
    expect(of("description").length).toBeGreaterThanOrEqual(statesIn(config).length);
  });

  it("is written down as JSON that makes a machine with the same states and transitions", () => {
    const again = createMachine(JSON.parse(JSON.stringify(machine.config)));
    const summarize = (made: AnyStateMachine) =>
      [made.root as AnyStateNode, ...statesOf(made)].map((node) => ({
        path: node.path,
        type: node.type,
        arrows: arrowsFrom(node).map((arrow) => `${labelOf(arrow)} → ${arrow.to.path.join(".")}`),
      }));
    expect(summarize(again)).toEqual(summarize(machine));
    expect(summarize(again).flatMap(({ arrows }) => arrows)).toHaveLength(transitionsIn(config).length);
  });
});

describe("all charts in one diagram", () => {
  const lines = linesOf(toMermaidTogether(CHARTS));

  it("have a state each, and ids of their own", () => {
    for (const name of Object.keys(CHARTS)) expect(lines).toContain(`state "${name}" as ${name} {`);
    const declared = lines.flatMap((line) => /^state ".*" as (\w+) \{$/.exec(line)?.[1] ?? []);
    expect(new Set(declared).size).toBe(declared.length);
  });

  it("are as complete as each of them alone", () => {
    const alone = Object.values(CHARTS).map((machine) => linesOf(toMermaid(machine)).length - 2);
    // Without the first and the last line; with one that opens and one that closes each.
    expect(lines.length - 2).toBe(alone.reduce((sum, one) => sum + one + 2, 0));
  });
});
