import { readFileSync } from "node:fs";
import type { TuttiOptions } from "./app.ts";
import type { Bus } from "./bus/port.ts";
import type { Topology } from "./bus/topology.ts";
import type { Clock } from "./core/clock.ts";
import type { Environment } from "./core/environment.ts";
import { invalid, TuttiError } from "./core/error.ts";
import type { Logger } from "./core/logger.ts";
import { modelsSettings } from "./core/models-settings.ts";
import { problemsOf } from "./core/problem.ts";
import { SharedBreakers } from "./llm/breaker-fleet.ts";
import { environmentModels, type ModelsConfig, resolveModels } from "./llm/models-config.ts";
import { createModelProvider } from "./llm/provider.ts";
import { ProcessServices } from "./llm/services.ts";

/** The file that is read where none is named, if it is there. */
export const MODELS_FILE = "tutti.models.yaml";

/**
 * What is configured about models: by the option `models` (the settings themselves, or a file), by the file that
 * `TUTTI_MODELS` names, by `tutti.models.yaml` in the current folder, else by `OPENAI_…` and `ANTHROPIC_API_KEY`. Undefined
 * where nothing is. Rejects with a {@link TuttiError} (400), for a file with line and column.
 */
export async function readModelsConfig(
  stated: TuttiOptions["models"],
  env: Environment,
): Promise<ModelsConfig | undefined> {
  if (typeof stated === "object") {
    const parsed = modelsSettings.safeParse(stated);
    if (!parsed.success) throw invalid("models", problemsOf(parsed.error, stated));
    const resolved = resolveModels(parsed.data, env);
    if ("problems" in resolved) throw invalid("models", resolved.problems);
    return resolved;
  }
  const named = stated ?? (env.TUTTI_MODELS?.trim() || undefined);
  const text = readText(named ?? MODELS_FILE, named !== undefined);
  if (text === undefined) return environmentModels(env);
  const { readModels } = await import("./llm/models-file.ts");
  return readModels(text, named ?? MODELS_FILE, env);
}

function readText(file: string, isNamed: boolean): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (!isNamed && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new TuttiError(400, `models: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** What a process calls, and how it stands. */
export interface OpenedModels {
  readonly models: ReturnType<typeof createModelProvider>;
  readonly services: ProcessServices;
  stop(): void;
}

/** The models and other services of a worker process, whose breakers and limits hold for all processes on the bus. */
export async function openModels(
  options: Pick<TuttiOptions, "models">,
  process: { env: Environment; bus: Bus; topology: Topology; clock: Clock; log: Logger; id: string },
): Promise<OpenedModels> {
  const { env, bus, topology, clock, log, id } = process;
  const config = await readModelsConfig(options.models, env);
  // Opened with the first call: a process that asks nobody adds nothing to the bus.
  let fleet: SharedBreakers | undefined;
  const openFleet = () => {
    fleet ??= new SharedBreakers(bus.bucket(topology.buckets.breakers), { id, log });
    return fleet;
  };
  const shared = () => ({
    fleet: openFleet(),
    rates: bus.bucket(topology.buckets.rates),
    answers: () => bus.bucket(topology.buckets.answers),
  });
  const models = createModelProvider({ config, env, clock, onLog: log, shared });
  const services = new ProcessServices({ models, fleet: openFleet, clock, log });
  return {
    models,
    services,
    stop() {
      models.stop();
      services.stop();
      void fleet?.stop();
    },
  };
}
