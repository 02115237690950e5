import { z } from "zod";
import { invalid, TuttiError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import { checkOptions } from "../core/known-options.ts";
import { isName, NAME_EXPECTED } from "../core/names.ts";
import type { PlanWords } from "../core/plan-support.ts";
import { checkPlanV2 } from "../core/plan-v2-check.ts";
import type { Policy } from "../core/policy.ts";
import { escapeLookalikes } from "./lookalikes.ts";
import { Draft } from "./plan-of.ts";
import { PlannedHandle, refer } from "./planned-handle.ts";
import { type EachOptions, PLANNED_OPTIONS, type PlannedTaskOptions, type WaitFor } from "./planned-options.ts";
import { createReference, toWire } from "./reference.ts";
import { peekReference } from "./reference-proxy.ts";
import { INDEX, ITEM } from "./reference-text.ts";
import type { Task } from "./task.ts";
import { describe, nameOf, TaskWriter } from "./task-writer.ts";

type Options = PlannedTaskOptions;
const NO_OPTIONS: Options = {};
const NO_POLICY: Policy = {};
type Build = (p: PlanWriter, input: object) => unknown;

/** Writes down a plan: what a plan's function is given, whatever it may use of it by its types. */
export class PlanWriter {
  readonly draft = new Draft();
  readonly #tasks = new TaskWriter(this.draft);
  readonly #counts = new Map<string, number>();

  constructor() {
    // Its methods may be taken apart: `plan(({ task }) => …)`.
    for (const name of ["task", "map", "mapPlan", "plan", "wait", "finally", "join"] as const)
      this[name] = this[name].bind(this) as never;
  }

  task(type: Task | string, input: unknown, options: Options = NO_OPTIONS): PlannedHandle {
    const name = nameOf(type, "p.task");
    return this.#add(name, type, options, () => {
      const wire = toWire(input, this.draft) as Json | undefined;
      return wire === undefined ? { type: name } : { type: name, input: wire };
    });
  }

  map(
    type: Task | string,
    each: MapEach,
    input: (item: object, index: object) => unknown,
    options: Options = NO_OPTIONS,
  ): PlannedHandle {
    const name = nameOf(type, "p.map");
    return this.#add(name, type, options, () => {
      const [item, index] = [refer(ITEM, this.draft), refer(INDEX, this.draft)];
      const given = this.#inputOf(input(item, index));
      for (const one of [item, index]) this.draft.references.forget(one);
      return { type: name, each: this.#writeEach(each), ...given };
    });
  }

  mapPlan(each: MapEach, build: Build, options: Options = NO_OPTIONS): PlannedHandle {
    return this.#add("map", undefined, options, () => ({ each: this.#writeEach(each), plan: writeInner(build) }));
  }

  plan(input: unknown, build: Build, options: Options = NO_OPTIONS): PlannedHandle {
    return this.#add("plan", undefined, options, () => ({ plan: writeInner(build), ...this.#inputOf(input) }));
  }

  wait(what: WaitFor<z.ZodType>, options: Options = NO_OPTIONS): PlannedHandle {
    const schema = "signal" in what ? what.schema : undefined;
    return this.#add("wait", undefined, options, () => ({ wait: this.#writeWait(what) }), schema);
  }

  finally(type: Task | string, input: unknown): void {
    if (this.draft.last) throw new TuttiError(400, "plan: expected p.finally once, received it again");
    this.draft.last = { type: nameOf(type, "p.finally"), ...this.#inputOf(input) };
    this.draft.hasNewWords = true;
  }

  join(join: Json): void {
    if (this.draft.join !== undefined) throw new TuttiError(400, "plan: expected p.join once, received it again");
    this.draft.join = join;
    this.draft.hasNewWords = true;
  }

  /** Takes what the plan's function returned as the plan's output. */
  conclude(built: unknown): void {
    const { draft } = this;
    draft.output = this.#outputOf(built);
    const { idle } = draft.references;
    if (idle === undefined) {
      if (draft.hasNewWords) escapeLookalikes(draft);
      return;
    }
    // A condition on a reference is true whatever the task returns: the language asks nothing of the object.
    throw new TuttiError(
      400,
      `plan: the reference ${idle} is read and no task's input takes it: it has no value while the plan is made, so it cannot be a condition; let a task that has it in its input decide, or read it where an input needs it`,
      { expected: "a reference as a value in another task's input", received: idle },
    );
  }

  /** A plan of version 2 is looked at as a whole: its expressions and outputs are known to be right only then. */
  check(words: PlanWords = "carried-out"): void {
    if (!this.draft.hasNewWords || this.draft.findNonJson() !== undefined) return;
    const checked = checkPlanV2(this.draft.wire, { depth: 0, words });
    if ("problems" in checked) throw invalid("plan", checked.problems);
  }

  #outputOf(built: unknown): Draft["output"] {
    if (built === undefined) return undefined;
    if (built instanceof PlannedHandle && built.isOf(this.draft)) return built.key;
    const isObject =
      typeof built === "object" && built !== null && !Array.isArray(built) && !(built instanceof Promise);
    const template = isObject && peekReference(built) === undefined ? toWire(built, this.draft) : undefined;
    if (template === undefined || !hasWord(template))
      throw new TuttiError(
        400,
        `plan: expected its function to return, at once, a task placed with p.task() or nothing, received ${describe(built)}`,
      );
    this.draft.hasNewWords = true;
    return template as { readonly [field: string]: Json };
  }

  /** `name` is what the key is made of, where none is stated; `output` describes the output where no contract does. */
  #add(
    name: string,
    type: Task | string | undefined,
    options: Options,
    content: () => { readonly [field: string]: Json },
    output?: z.ZodType,
  ): PlannedHandle {
    const { tasks } = this.draft;
    const key = options.key ?? this.#nextKey(name);
    if (!isName(key)) throw refusal(key, `: expected ${NAME_EXPECTED}`);
    if (tasks.has(key)) throw refusal(key, " is taken: keys must be unique in a plan");
    if (options !== NO_OPTIONS) checkOptions(`plan key ${JSON.stringify(key)}`, options, PLANNED_OPTIONS);
    const contract = typeof type === "string" ? undefined : type;
    const written = content();
    const handle = new PlannedHandle(
      key,
      this.draft,
      written.each === undefined ? (output ?? contract?.output) : undefined,
    );
    if (written.type === undefined || written.each !== undefined) this.draft.hasNewWords = true;
    const own = contract?.policy ?? NO_POLICY;
    tasks.set(
      key,
      Object.assign(written, options === NO_OPTIONS ? own : this.#tasks.writeOptions(handle, own, options)),
    );
    return handle;
  }

  #nextKey(name: string): string {
    for (;;) {
      const count = (this.#counts.get(name) ?? 0) + 1;
      this.#counts.set(name, count);
      const key = count === 1 ? name : `${name}-${count}`;
      if (!this.draft.tasks.has(key)) return key;
    }
  }

  #inputOf(input: unknown): { readonly input?: Json } {
    const wire = toWire(input, this.draft) as Json | undefined;
    return wire === undefined ? {} : { input: wire };
  }

  #writeEach({ in: source, reduce, ...rest }: MapEach): Json {
    const reducer =
      typeof reduce === "object" && "type" in reduce ? { ...reduce, type: nameOf(reduce.type, "reduce") } : reduce;
    return toWire({ in: source, ...rest, reduce: reducer }, this.draft) as Json;
  }

  #writeWait(what: WaitFor<z.ZodType>): Json {
    const { schema, match, ...rest } = what as { schema?: z.ZodType; match?: Options["when"] };
    return {
      ...(toWire(rest, this.draft) as { readonly [field: string]: Json }),
      ...(schema && { schema: jsonSchemaOf(schema) }),
      ...(match !== undefined && { match: this.#tasks.writeCondition(match) }),
    };
  }
}

const refusal = (key: string, what: string): TuttiError =>
  new TuttiError(400, `plan key ${JSON.stringify(key)}${what}`, { path: `/tasks/${key}` });

type MapEach = EachOptions & { readonly in: unknown };

/** A plan inside a plan, whose input is `#`. */
function writeInner(build: Build): Json {
  const writer = new PlanWriter();
  writer.draft.hasNewWords = true;
  const input = createReference("", undefined, writer.draft.references) as object;
  const built = build(writer, input);
  writer.draft.references.forget(input);
  writer.conclude(built);
  return writer.draft.wire as unknown as Json;
}

function jsonSchemaOf(schema: z.ZodType): Json {
  const { $schema: _, ...shape } = z.toJSONSchema(schema, { io: "input" });
  return shape as Json;
}

/** Whether anything in a template stands for something else. */
function hasWord(template: unknown): boolean {
  if (typeof template !== "object" || template === null) return false;
  return Object.entries(template).some(
    ([field, value]) => (field.startsWith("$") && field !== "$literal") || hasWord(value),
  );
}
