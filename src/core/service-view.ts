import { z } from "zod";
import type { WorkerPresence } from "./registration.ts";
import { type ServiceFigures, serviceFigures } from "./services.ts";

/** A model or another service, over all workers that call it. `load`, `completed` and `failed` are sums. */
export const serviceView = serviceFigures.extend({
  /** The workers that call it. */
  workers: z.array(z.string()),
  /** The types that workers hold back for it or for others. */
  held: z.array(z.string()),
});
export type ServiceView = z.output<typeof serviceView>;

/** What workers report of the services that they call, together, by name. How it stands is what was found out last. */
export function viewServices(workers: readonly WorkerPresence[]): ServiceView[] {
  const views = new Map<string, ServiceView>();
  for (const { worker, services = [], held = [] } of workers)
    for (const one of services) {
      const before = views.get(one.name);
      const types = held.filter(({ reason }) => reason.startsWith(one.name)).map(({ type }) => type);
      views.set(one.name, {
        ...(before ? join(before, one) : one),
        workers: [...(before?.workers ?? []), worker],
        held: [...new Set([...(before?.held ?? []), ...types])],
      });
    }
  return [...views.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function join(one: ServiceFigures, other: ServiceFigures): ServiceFigures {
  const latest = other.since > one.since ? other : one;
  const latencies = [one, other].flatMap(({ latencyMs, completed }) =>
    latencyMs === undefined ? [] : [{ latencyMs, completed: Math.max(1, completed) }],
  );
  const calls = latencies.reduce((sum, { completed }) => sum + completed, 0);
  const latencyMs = latencies.reduce((sum, each) => sum + (each.latencyMs * each.completed) / calls, 0);
  return {
    ...latest,
    load: one.load + other.load,
    completed: one.completed + other.completed,
    failed: one.failed + other.failed,
    ...((one.hits || other.hits) && { hits: (one.hits ?? 0) + (other.hits ?? 0) }),
    ...(calls > 0 && { latencyMs: Math.round(latencyMs) }),
  };
}
