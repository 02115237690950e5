import type { ConsumerDefinition, Delivery, StreamDefinition } from "../../src/bus/port.ts";
import { bytes, text } from "./bytes.ts";
import type { Contract } from "./contract.ts";

/** A work queue of one message a subject under `<name>.>`, with a consumer `c` of all of it. */
export async function openQueue(
  { connect, unique }: Contract,
  consumer: Partial<ConsumerDefinition> = {},
  stream: Partial<StreamDefinition> = {},
) {
  const bus = await connect();
  const name = unique();
  await bus.ensureStream({ name, subjects: [`${name}.>`], retention: "work-queue", onePerSubject: true, ...stream });
  const definition = {
    stream: name,
    name: "c",
    filter: `${name}.>`,
    ackWaitMs: 10_000,
    maxAckPending: 1_000,
    ...consumer,
  };
  await bus.ensureConsumer(definition);
  const append = async (...subjects: (string | number)[]) => {
    await Promise.all(subjects.map((subject) => bus.append(`${name}.${subject}`, bytes(`${subject}`))));
  };
  return { bus, name, definition, append };
}

export const texts = (deliveries: readonly Delivery[]) => deliveries.map((delivery) => text(delivery.data));
