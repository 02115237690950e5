import type { BusEvent } from "../bus-event.ts";
import { type Appended, type AppendOptions, type Bus, BusError } from "../port.ts";
import type { BrokerState } from "./broker.ts";
import { openBucket } from "./bucket.ts";
import { assertFilter, assertReadable, assertSubject } from "./checks.ts";
import { request } from "./core.ts";
import { MemoryFollower } from "./follower.ts";
import { Link } from "./link.ts";
import { openObjects } from "./objects.ts";
import { MemoryPuller } from "./puller.ts";
import { serveThroughSubscriptions } from "./service.ts";

export interface ConnectionOptions {
  readonly number: number;
  readonly acknowledgementTimeoutMs: number;
  /** Called once, when the connection has ended. */
  readonly onEnd: () => void;
}

export interface Connection {
  readonly bus: Bus;
  /** Ends the connection, either orderly or as if its process had died. */
  end(crashed: boolean): void;
}

/** A `Bus` over one link to the broker. */
export function createConnection(broker: BrokerState, options: ConnectionOptions): Connection {
  const { network } = broker;
  const link = new Link(network, options.number, () => broker.maxPayload);
  const listeners = new Set<(event: BusEvent) => void>();

  const end = (crashed: boolean): void => {
    if (!link.open) return;
    link.close(crashed);
    const error = new BusError("closed", "The connection was cut.");
    for (const listener of listeners) listener(crashed ? { type: "closed", error } : { type: "closed" });
    listeners.clear();
    options.onEnd();
  };

  const store = (subject: string, data: Uint8Array, appendOptions?: AppendOptions): Appended => {
    link.assertFits(subject, data, appendOptions?.headers);
    return { sequence: broker.append(subject, data, appendOptions) };
  };

  /** Appends with a fault: the broker may store the message, but the caller gets no acknowledgement. */
  const appendUnconfirmed = (fault: "lose-acknowledgement" | "lose-message", ...message: Parameters<typeof store>) =>
    new Promise<never>((_, reject) => {
      link.assertOpen();
      if (fault === "lose-acknowledgement") {
        try {
          store(...message);
        } catch {
          // The refusal is lost, too.
        }
      }
      const fail = () => reject(new BusError("unconfirmed", `${message[0]} was not acknowledged.`));
      const disarm = network.clock.timer(options.acknowledgementTimeoutMs, () => void started.stop());
      const started = link.start({
        end: () => {
          disarm();
          fail();
        },
      });
    });

  const bus: Bus = {
    description: "memory",
    get maxPayload() {
      return link.maxPayload;
    },

    publish(subject, data, headers) {
      link.assertOpen();
      assertSubject(subject);
      link.assertFits(subject, data, headers);
      broker.publish(subject, data, headers);
    },
    subscribe: (filter, handler, subscribeOptions) =>
      link.ask(() => {
        assertFilter(filter);
        return link.start(broker.core.subscribe(link, filter, subscribeOptions?.queue, handler));
      }),
    request: (subject, data, { timeoutMs, headers }) =>
      request(link, subject, timeoutMs, (respond) => {
        assertSubject(subject);
        link.assertFits(subject, data, headers);
        return broker.publish(subject, data, headers, respond);
      }),
    serve: (service) =>
      serveThroughSubscriptions(bus, service, { id: network.clock.id(), startedMs: network.clock.now() }),

    ensureStream: (definition) => link.ask(() => broker.ensureStream(definition)),
    ensureConsumer: (definition) => link.ask(() => broker.ensureConsumer(definition)),
    append(subject, data, appendOptions) {
      const fault = network.faults.append?.(subject);
      if (fault === "full")
        return link.ask(() => {
          throw new BusError("full", `The stream of ${subject} is full.`);
        });
      if (fault) return appendUnconfirmed(fault, subject, data, appendOptions);
      return link.ask(() => store(subject, data, appendOptions), "unconfirmed");
    },
    follow: (stream, filter, handler, followOptions = {}) =>
      link.ask(() => {
        const followed = broker.stream(stream);
        assertReadable(filter, followed.definition);
        if (followed.definition.retention === "work-queue")
          throw new BusError("failed", `${stream} is a work queue: its messages can be pulled, not followed.`);
        return link.start(new MemoryFollower(link, followed, filter, handler, followOptions));
      }),
    findStreams: (filter) =>
      link.ask(() => {
        assertFilter(filter);
        return broker.findStreams(filter);
      }),
    streamState: (stream) => link.ask(() => broker.stream(stream).state),
    lastSequence: (stream, filter) =>
      link.ask(() => {
        const held = broker.stream(stream);
        return filter === undefined ? held.last : (held.newest(filter)?.sequence ?? 0);
      }),
    getMessage: (stream, sequence) => link.ask(() => broker.stream(stream).get(sequence)),
    getLastMessage: (stream, filter) => link.ask(() => broker.stream(stream).newest(filter)),
    listSubjects: (stream, filter) => link.ask(() => broker.stream(stream).subjects(filter)),
    listUnsettled: (stream, consumer) => link.ask(() => broker.listUnsettled(stream, consumer)),
    removeSubject: (stream, subject) => link.ask(() => broker.removeSubject(stream, subject)),
    lastDelivered: (stream, consumer) => link.ask(() => broker.consumer(stream, consumer).position),
    pull: (stream, consumer, handler) =>
      link.ask(() => new MemoryPuller(link, broker.consumer(stream, consumer), handler).asPuller()),

    bucket: (definition) => link.ask(() => openBucket(broker.bucket(definition), link)),
    objects: (definition) => link.ask(() => openObjects(broker.objects(definition), link)),

    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => end(false),
    [Symbol.asyncDispose]: async () => end(false),
  };
  return { bus, end };
}
