/** The part of the broker for messages that are not stored: subscriptions, queue groups, requests and their answers. */
import type { Clock } from "../../core/clock.ts";
import { BusError, type Headers, type Message } from "../port.ts";
import { SubjectTree } from "../subject-tree.ts";
import type { Faults } from "./faults.ts";
import type { Link, Started } from "./link.ts";
import type { Inbox } from "./network.ts";

/** Sends an answer to the requester. */
export type Respond = (data: Uint8Array, headers?: Headers) => void;

const ignore: Respond = () => {};

export class Core {
  readonly #subscriptions = new SubjectTree<Subscription>();
  readonly #clock: Clock;
  readonly #faults: Faults;

  constructor(clock: Clock, faults: Faults) {
    this.#clock = clock;
    this.#faults = faults;
  }

  subscribe(link: Link, filter: string, queue: string | undefined, handler: (message: Message) => void): Started {
    const subscription: Subscription = { link, queue, inbox: link.inbox("subscription", filter, handler) };
    this.#subscriptions.add(filter, subscription);
    return {
      end: () => {
        this.#subscriptions.remove(filter, subscription);
        subscription.inbox.close();
      },
    };
  }

  /** Sends to all subscribers of the subject. Returns false when there are none. */
  publish(subject: string, data: Uint8Array, headers?: Headers, respond: Respond = ignore): boolean {
    const interested = this.#subscriptions.match(subject);
    for (const subscription of this.#chooseOnePerQueue(interested)) {
      if (this.#faults.drop?.(subject)) continue;
      subscription.inbox.push(createMessage(subject, data, headers, answerThrough(subscription.link, respond)));
    }
    return interested.length > 0;
  }

  #chooseOnePerQueue(interested: readonly Subscription[]): readonly Subscription[] {
    if (!interested.some((subscription) => subscription.queue !== undefined)) return interested;
    const groups = Map.groupBy(interested, (subscription) => subscription.queue);
    const chosen = groups.get(undefined)?.slice() ?? [];
    groups.delete(undefined);
    for (const group of groups.values())
      chosen.push(group[Math.floor(this.#clock.random() * group.length)] as Subscription);
    return chosen;
  }
}

interface Subscription {
  readonly link: Link;
  readonly queue: string | undefined;
  readonly inbox: Inbox<Message>;
}

export function createMessage(
  subject: string,
  data: Uint8Array,
  headers: Headers | undefined,
  respond: Respond,
): Message {
  return headers ? { subject, data, headers, respond } : { subject, data, respond };
}

/** An answer is published by the answering connection: it has that connection's size limit, and is lost with it. */
function answerThrough(link: Link, respond: Respond): Respond {
  if (respond === ignore) return ignore;
  return (data, headers) => {
    if (!link.open) return;
    link.assertFits("the requester", data, headers);
    respond(data, headers);
  };
}

/** Sends a request with `send`, which returns false when there is no subscriber, and waits for the first answer. */
export function request(
  link: Link,
  subject: string,
  timeoutMs: number,
  send: (respond: Respond) => boolean,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    link.assertOpen();
    const { clock, faults } = link.network;
    const answers = link.inbox<Message | BusError>("replies", subject, (answer) => finish(answer));
    const disarm = clock.timer(timeoutMs, () =>
      finish(new BusError("timeout", `No answer from ${subject} in ${timeoutMs} ms.`)),
    );
    const started = link.start({
      end: () => {
        disarm();
        answers.close();
        reject(new BusError("closed", "The bus was closed before the answer came."));
      },
    });
    const finish = (answer: Message | BusError): void => {
      if (answer instanceof BusError) reject(answer);
      else resolve(answer);
      void started.stop();
    };
    const respond: Respond = (data, headers) => {
      if (!faults.drop?.(subject)) answers.push(createMessage(subject, data, headers, ignore));
    };
    try {
      if (!send(respond)) answers.push(new BusError("no-responders", `No subscriber answers ${subject}.`));
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      answers.push(error);
    }
  });
}
