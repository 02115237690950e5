import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { TerminalError } from "../../src/core/error.ts";
import { findNonJson, type Json } from "../../src/core/json.ts";
import type { Model } from "../../src/core/model.ts";
import { childOf, ROOT } from "../../src/core/names.ts";
import type { Plan } from "../../src/core/plan.ts";
import { resolveInput } from "../../src/core/reference.ts";
import { PlanOf } from "../../src/define/plan-of.ts";
import type { Blobs, HandlerContext, Worker } from "../../src/define/worker.ts";
import { dependenciesOf } from "./dependencies.ts";

/** What a handler under test meets; what is left out is as on a worker without folder, model or stored content. */
export interface Surroundings {
  readonly files?: string;
  readonly llm?: Model;
  readonly blobs?: Blobs;
  readonly signal?: AbortSignal;
}

/** Content by the hash of its bytes. */
export function memoryBlobs(): Blobs {
  const stored = new Map<string, Uint8Array>();
  return {
    async put(data) {
      const ref = createHash("sha256").update(data).digest("hex");
      stored.set(ref, data.slice());
      return ref;
    },
    async get(ref) {
      const data = stored.get(ref);
      if (!data) throw new TerminalError(`blob ${ref}: there is none of that reference`);
      return data;
    },
  };
}

const refuse = async (): Promise<never> => {
  throw new TerminalError("no model is configured: set OPENAI_API_KEY");
};
const noModel: Model = {
  configured: false,
  text: refuse,
  object: refuse,
  async *stream() {
    yield await refuse();
  },
};

export function createHandlerContext<I>(input: I, surroundings: Surroundings = {}): HandlerContext<I> {
  const { files, llm = noModel, blobs = memoryBlobs(), signal = new AbortController().signal } = surroundings;
  return {
    input,
    needs: {},
    signal,
    attempt: 1,
    run: "run-1",
    tenant: "default",
    task: ROOT,
    idempotencyKey: "run-1/-",
    progress() {},
    log() {},
    llm,
    breaker: () => ({ run: (call) => call() }),
    blobs,
    types: async () => [],
    async openFile(path) {
      if (files === undefined) throw new TerminalError(`file ${path}: this worker may open no files`);
      const full = resolve(files, path);
      if (relative(files, full).startsWith("..")) throw new TerminalError(`file ${path}: outside the worker's folder`);
      return readFile(full).catch((error: Error) => {
        throw new TerminalError(`file ${path}: ${error.message}`, { cause: error });
      });
    },
  };
}

const overTheWire = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;

/** One attempt as a worker makes it: input and output validated by the type's schemas, both sent through JSON. */
export async function execute(
  worker: Worker,
  input: unknown,
  surroundings?: Surroundings,
): Promise<Json | PlanOf<unknown>> {
  const returned = await worker.handler(createHandlerContext(worker.input.parse(overTheWire(input)), surroundings));
  if (returned instanceof PlanOf) return returned;
  const output = worker.output.parse(returned);
  const nonJson = findNonJson(output);
  if (nonJson) throw new TypeError(`${worker.type}: ${nonJson}`);
  return overTheWire(output);
}

/** The value of a task that returns no plan. */
export async function executeValue<T = Json>(worker: Worker, input: unknown, surroundings?: Surroundings): Promise<T> {
  const output = await execute(worker, input, surroundings);
  if (output instanceof PlanOf) throw new TypeError(`${worker.type} returned a plan; expected a value`);
  return output as T;
}

/** One task of a tree that was executed. */
export interface Executed {
  readonly task: string;
  readonly type: string;
  readonly output: Json;
  readonly ms: number;
}

/** Executes a task and whatever its plans grow into, one task after another: what a run comes to, without a runtime. */
export async function executeTree(
  workers: readonly Worker[],
  type: string,
  input: unknown,
  surroundings?: Surroundings,
  task: string = ROOT,
): Promise<{ readonly output: Json; readonly tasks: readonly Executed[] }> {
  const worker = workers.find((one) => one.type === type);
  if (!worker) throw new Error(`task ${task}: no worker of the type ${type}`);
  const began = performance.now();
  const returned = await execute(worker, input, surroundings);
  const ms = performance.now() - began;
  if (!(returned instanceof PlanOf)) return { output: returned, tasks: [{ task, type, output: returned, ms }] };
  const plan = overTheWire(returned.wire) as unknown as Plan;
  const outputs = new Map<string, Json>();
  const tasks: Executed[] = [];
  for (const key of inOrder(plan)) {
    const planned = plan.tasks[key]!;
    const resolved = resolveInput(planned.input ?? {}, (sibling) => outputs.get(sibling));
    const child = await executeTree(workers, planned.type, resolved, surroundings, childOf(task, key));
    outputs.set(key, child.output);
    tasks.push(...child.tasks);
  }
  const output = plan.output === undefined ? Object.fromEntries(outputs) : outputs.get(plan.output)!;
  return { output, tasks: [{ task, type, output, ms }, ...tasks] };
}

/** The siblings that each task of a plan waits for. */
export const dependenciesIn = (plan: Plan): Map<string, Set<string>> =>
  new Map(Object.entries(plan.tasks).map(([key, task]) => [key, new Set(dependenciesOf(task))]));

/** Keys so that each comes after all that it depends on. */
function inOrder(plan: Plan): string[] {
  const waiting = dependenciesIn(plan);
  const order: string[] = [];
  while (waiting.size > 0) {
    const ready = [...waiting]
      .filter(([, waits]) => [...waits].every((key) => order.includes(key)))
      .map(([key]) => key);
    if (ready.length === 0)
      throw new Error(`the plan cannot go on: ${[...waiting.keys()].join(", ")} wait for each other or for nothing`);
    for (const key of ready) {
      order.push(key);
      waiting.delete(key);
    }
  }
  return order;
}
