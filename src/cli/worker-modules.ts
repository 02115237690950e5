import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isWorker, type Worker } from "../define/worker.ts";
import { UsageError } from "./failure.ts";

/** The name of the built-in workers in place of a module. */
const BUILTIN = "builtin";

interface Loaded {
  readonly worker: Worker;
  readonly from: string;
}

export interface WorkerModules {
  readonly workers: Worker[];
  /** The types of built-in workers that were replaced by a worker of a module. */
  readonly replaced: string[];
}

/**
 * Loads the workers of the given modules. With `withBuiltin` the built-in workers are added, except for types that a
 * module has. If the built-in workers are named explicitly, a type that occurs twice is refused, as it is for two
 * modules. Rejects with a {@link UsageError}.
 */
export async function loadWorkers(
  modules: readonly string[],
  options: { withBuiltin?: boolean } = {},
): Promise<WorkerModules> {
  const named = [...new Set(modules)];
  const given = (await Promise.all(named.map(loadModule))).flat();
  const byType = new Map<string, Loaded>();
  for (const one of given) {
    const other = byType.get(one.worker.type);
    if (other && other.worker !== one.worker)
      throw new UsageError(
        `two workers of type ${one.worker.type}: in ${other.from} and in ${one.from}; expected one per type`,
      );
    byType.set(one.worker.type, one);
  }
  const implied = options.withBuiltin && !named.includes(BUILTIN) ? await loadModule(BUILTIN) : [];
  const added = implied.filter(({ worker }) => !byType.has(worker.type));
  return {
    workers: [...byType.values(), ...added].map(({ worker }) => worker),
    replaced: implied.filter((one) => !added.includes(one)).map(({ worker }) => worker.type),
  };
}

/** Throws a {@link UsageError} unless the path is a folder. */
export async function requireFolder(option: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory())
    throw new UsageError(`${option} ${JSON.stringify(path)}: ${found ? "it is not a folder" : "no such folder"}`, {
      expected: "a folder",
      received: path,
    });
}

async function loadModule(name: string): Promise<Loaded[]> {
  if (name === BUILTIN) {
    const { builtinWorkers } = await import("../builtins/builtin.ts");
    return builtinWorkers.map((worker) => ({ worker, from: "the built-in workers" }));
  }
  const path = resolve(name);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile())
    throw new UsageError(`WORKERS ${JSON.stringify(name)}: ${found ? "it is not a file" : "no such file"}`, {
      expected: `the path of a .ts or .js module that exports workers, or ${BUILTIN}`,
      received: name,
    });
  const exported = await importOrRefuse(name, path);
  const workers = new Set(
    Object.values(exported)
      .flatMap((value) => (Array.isArray(value) ? value : [value]))
      .filter(isWorker),
  );
  if (workers.size === 0)
    throw new UsageError(`WORKERS ${JSON.stringify(name)} exports no worker; it exports ${describeExports(exported)}`, {
      expected: "workers made with worker(), as named exports or a default array",
    });
  return [...workers].map((worker) => ({ worker, from: name }));
}

async function importOrRefuse(name: string, path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    // The stack of a syntax error has the place and the faulty line before the message; otherwise the first frame has
    // it.
    const isSyntax = error instanceof SyntaxError;
    const lines = (stack ?? "").split("\n");
    const head = lines.slice(
      0,
      Math.max(
        0,
        lines.findIndex((line) => line.includes(message.split("\n")[0]!)),
      ),
    );
    const frame = lines.find((line) => /^\s+at /.test(line) && line.includes("file:"));
    throw new UsageError(
      `WORKERS ${JSON.stringify(name)} cannot be loaded: ${isSyntax ? "syntax error: " : ""}${message}`,
      {},
      isSyntax ? head.filter((line) => line.trim()) : frame ? [frame.trim()] : [],
      { cause: error },
    );
  }
}

function describeExports(exported: Record<string, unknown>): string {
  const names = Object.entries(exported).map(([key, value]) => `${key} (${describeValue(value)})`);
  return names.length > 0 ? names.join(", ") : "nothing";
}

function describeValue(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length} without a worker`;
  if (typeof value === "object" && value !== null && "type" in value && "policy" in value)
    return `the task ${String(value.type)} without a handler`;
  return value === null ? "null" : typeof value;
}
