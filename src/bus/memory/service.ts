/** A micro service (ADR-32) on top of subscribe: its endpoints, and the `$SRV` subjects by which it is discovered. */
import { type Bus, BusError, type Message, type ServiceDefinition, type Stoppable } from "../port.ts";

/** The queue group that endpoints have by default (ADR-32). */
const QUEUE = "q";

export async function serveThroughSubscriptions(
  bus: Pick<Bus, "subscribe">,
  service: ServiceDefinition,
  instance: { id: string; startedMs: number },
): Promise<Stoppable> {
  for (const { name } of service.endpoints)
    if (!/^[A-Za-z0-9_-]+$/.test(name))
      throw new BusError("failed", `"${name}" is not an endpoint name: expected [A-Za-z0-9_-]+.`);

  const identity = { name: service.name, id: instance.id, version: service.version, metadata: {} };
  const counts = service.endpoints.map(() => 0);
  const endpoints = service.endpoints.map(({ name, subject }) => ({ name, subject, queue_group: QUEUE, metadata: {} }));
  const describe: Record<string, () => object> = {
    PING: () => ({ type: "io.nats.micro.v1.ping_response", ...identity }),
    INFO: () => ({ type: "io.nats.micro.v1.info_response", ...identity, description: service.description, endpoints }),
    STATS: () => ({
      type: "io.nats.micro.v1.stats_response",
      ...identity,
      started: new Date(instance.startedMs).toISOString(),
      endpoints: endpoints.map((endpoint, i) => ({ ...endpoint, num_requests: counts[i], num_errors: 0 })),
    }),
  };

  const subscriptions = service.endpoints.map(({ subject, handler }, i) => {
    const count = (message: Message) => {
      counts[i] = (counts[i] ?? 0) + 1;
      handler(message);
    };
    return bus.subscribe(subject, count, { queue: QUEUE });
  });
  for (const [verb, answer] of Object.entries(describe))
    for (const subject of [
      `$SRV.${verb}`,
      `$SRV.${verb}.${service.name}`,
      `$SRV.${verb}.${service.name}.${instance.id}`,
    ])
      subscriptions.push(bus.subscribe(subject, (message) => message.respond(Buffer.from(JSON.stringify(answer())))));

  const running = await Promise.all(subscriptions);
  return {
    stop: async () => {
      await Promise.all(running.map((subscription) => subscription.stop()));
    },
  };
}
