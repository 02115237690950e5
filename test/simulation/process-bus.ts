import {
  type Appended,
  type Bucket,
  type Bus,
  BusError,
  type Delivery,
  type Message,
  type ObjectStore,
  type Stoppable,
} from "../../src/bus/port.ts";
import type { Pausable } from "./pausable.ts";
import type { Uplink } from "./uplink.ts";

/** Who watches what a process does on its bus. */
export interface BusObserver {
  /** An operation is about to be sent. It may stop the process, or kill it, at this very point. */
  sending(operation: string, subject: string): void;
  appending(subject: string, data: Uint8Array): void;
  delivered(delivery: Delivery): void;
  /** A delivery was acknowledged or terminated. */
  settled(delivery: Delivery): void;
  requesting(subject: string, data: Uint8Array, answer: Promise<Message>): void;
}

/**
 * The bus as one process has it: what it sends and what arrives waits while the process is stopped, and is lost once it
 * is dead.
 */
export class ProcessBus {
  readonly bus: Bus;
  readonly #process: Pausable;
  readonly #observer: BusObserver;
  readonly #uplink: Uplink;
  /** What was started through this bus and not stopped: by the time of `close`, a leak. */
  readonly started = new Set<string>();
  #names = 0;
  #isClosed = false;

  constructor(bus: Bus, process: Pausable, uplink: Uplink, observer: BusObserver) {
    this.#process = process;
    this.#uplink = uplink;
    this.#observer = observer;
    this.bus = this.#wrap(bus);
  }

  #send(operation: string, subject: string, run: () => void): void {
    this.#observer.sending(operation, subject);
    this.#assertOpen();
    this.#leave(run);
  }

  /** Nothing leaves any more, though the close itself may still be on its way: who tries is told so at once. */
  #assertOpen(): void {
    if (this.#isClosed) throw new BusError("closed", "The bus is closed.");
  }

  /** What nobody is told the fate of. */
  #tell(operation: string, subject: string, run: () => void): void {
    if (!this.#isClosed) this.#send(operation, subject, run);
  }

  #leave(run: () => void): void {
    this.#process.pass("out", () => this.#uplink.send(() => this.#process.isDead || run()));
  }

  #arrive(run: () => void): void {
    this.#process.pass("in", run);
  }

  #ask<T>(operation: string, subject: string, run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#send(operation, subject, () => {
        run().then(
          (value) => this.#arrive(() => resolve(value)),
          (error) => this.#arrive(() => reject(error)),
        );
      });
    });
  }

  #start<S extends Stoppable>(what: string, stoppable: S, rest: Omit<S, "stop">): S {
    const name = `${what} #${++this.#names}`;
    this.started.add(name);
    const stop = () => {
      this.started.delete(name);
      // With the bus, all that was started there has ended.
      if (this.#isClosed) return Promise.resolve();
      return this.#ask("stop", what, () => stoppable.stop());
    };
    return Object.defineProperties({ stop }, Object.getOwnPropertyDescriptors(rest)) as unknown as S;
  }

  #message(message: Message): Message {
    return {
      ...message,
      respond: (data, headers) => this.#tell("respond", message.subject, () => message.respond(data, headers)),
    };
  }

  #delivery(delivery: Delivery): Delivery {
    const { subject, sequence, timestamp, data, headers, deliveries } = delivery;
    const settle = (operation: string, run: () => void) => {
      this.#tell(operation, subject, run);
      if (operation !== "nak") this.#observer.settled(wrapped);
    };
    const wrapped: Delivery = {
      subject,
      sequence,
      timestamp,
      data,
      ...(headers && { headers }),
      deliveries,
      ack: () => settle("ack", () => delivery.ack()),
      nak: (delayMs) => settle("nak", () => delivery.nak(delayMs)),
      inProgress: () => this.#leave(() => delivery.inProgress()),
      terminate: () => settle("terminate", () => delivery.terminate()),
    };
    this.#observer.delivered(wrapped);
    return wrapped;
  }

  #wrap(bus: Bus): Bus {
    const ask = <T>(operation: string, subject: string, run: () => Promise<T>) => this.#ask(operation, subject, run);
    const close = () => {
      const closed = ask("close", "", () => bus.close());
      this.#isClosed = true;
      return closed;
    };
    const wrapped: Bus = {
      description: bus.description,
      maxPayload: bus.maxPayload,
      publish: (subject, data, headers) => this.#send("publish", subject, () => bus.publish(subject, data, headers)),
      subscribe: async (filter, handler, options) => {
        const take = (message: Message) => this.#arrive(() => handler(this.#message(message)));
        return this.#start(
          `subscribe ${filter}`,
          await ask("subscribe", filter, () => bus.subscribe(filter, take, options)),
          {},
        );
      },
      request: (subject, data, options) => {
        const answer = ask("request", subject, () => bus.request(subject, data, options));
        this.#observer.requesting(subject, data, answer);
        return answer;
      },
      serve: async (service) => {
        const endpoints = service.endpoints.map((endpoint) => ({
          ...endpoint,
          handler: (message: Message) => this.#arrive(() => endpoint.handler(this.#message(message))),
        }));
        return this.#start("serve", await ask("serve", service.name, () => bus.serve({ ...service, endpoints })), {});
      },
      ensureStream: (definition) => ask("ensureStream", definition.name, () => bus.ensureStream(definition)),
      ensureConsumer: (definition) => ask("ensureConsumer", definition.name, () => bus.ensureConsumer(definition)),
      append: (subject, data, options) => {
        this.#observer.appending(subject, data);
        return ask<Appended>("append", subject, () => bus.append(subject, data, options));
      },
      follow: async (stream, filter, handler, { onCaughtUp, ...options } = {}) => {
        const follower = await ask("follow", filter, () =>
          bus.follow(stream, filter, (message) => this.#arrive(() => handler(message)), {
            ...options,
            ...(onCaughtUp && { onCaughtUp: () => this.#arrive(onCaughtUp) }),
          }),
        );
        return this.#start(`follow ${filter}`, follower, {});
      },
      streamState: (stream) => ask("streamState", stream, () => bus.streamState(stream)),
      lastSequence: (stream, filter) => ask("lastSequence", filter ?? stream, () => bus.lastSequence(stream, filter)),
      getMessage: (stream, sequence) => ask("getMessage", stream, () => bus.getMessage(stream, sequence)),
      getLastMessage: (stream, filter) => ask("getLastMessage", filter, () => bus.getLastMessage(stream, filter)),
      findStreams: (filter) => ask("findStreams", filter, () => bus.findStreams(filter)),
      listSubjects: (stream, filter) => ask("listSubjects", filter, () => bus.listSubjects(stream, filter)),
      listUnsettled: (stream, consumer) => ask("listUnsettled", consumer, () => bus.listUnsettled(stream, consumer)),
      removeSubject: (stream, subject) => ask("removeSubject", subject, () => bus.removeSubject(stream, subject)),
      lastDelivered: (stream, consumer) => ask("lastDelivered", consumer, () => bus.lastDelivered(stream, consumer)),
      pull: async (stream, consumer, handler) => {
        let asked = 0;
        const puller = await ask("pull", consumer, () =>
          bus.pull(stream, consumer, (delivery) => this.#arrive(() => handler(this.#delivery(delivery)))),
        );
        return this.#start(`pull ${consumer}`, puller, {
          demand: (count: number) => {
            asked += count;
            this.#leave(() => {
              asked -= count;
              puller.demand(count);
            });
          },
          get outstanding() {
            return asked + puller.outstanding;
          },
        });
      },
      bucket: async (definition) =>
        this.#bucket(definition.name, await ask("bucket", definition.name, () => bus.bucket(definition))),
      objects: async (definition) =>
        this.#objects(await ask("objects", definition.name, () => bus.objects(definition))),
      onEvent: (listener) => bus.onEvent((event) => this.#arrive(() => listener(event))),
      close,
      [Symbol.asyncDispose]: close,
    };
    return wrapped;
  }

  #bucket(name: string, bucket: Bucket): Bucket {
    const ask = <T>(operation: string, key: string, run: () => Promise<T>) =>
      this.#ask(operation, `${name} ${key}`, run);
    return {
      get: (key) => ask("get", key, () => bucket.get(key)),
      put: (key, value) => ask("put", key, () => bucket.put(key, value)),
      create: (key, value) => ask("create", key, () => bucket.create(key, value)),
      update: (key, value, revision) => ask("update", key, () => bucket.update(key, value, revision)),
      delete: (key, revision) => ask("delete", key, () => bucket.delete(key, revision)),
      entries: () => ask("entries", "", () => bucket.entries()),
      watch: async (onChange, onReady) => {
        const watch = await ask("watch", "", () =>
          bucket.watch(
            (key, value) => this.#arrive(() => onChange(key, value)),
            onReady && (() => this.#arrive(onReady)),
          ),
        );
        return this.#start(`watch ${name}`, watch, {});
      },
    };
  }

  #objects(store: ObjectStore): ObjectStore {
    return {
      put: (name, data) => this.#ask("putObject", name, () => store.put(name, data)),
      get: (name) => this.#ask("getObject", name, () => store.get(name)),
      has: (name) => this.#ask("hasObject", name, () => store.has(name)),
    };
  }
}
