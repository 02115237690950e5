import type { Bus } from "../src/bus/port.ts";

/** The traffic that a process has sent through a bus: messages, and bytes of their data. */
export interface Sent {
  /** Messages appended to the log. */
  logMessages: number;
  logBytes: number;
  /** Messages appended to the queue of tasks. */
  queueMessages: number;
  queueBytes: number;
  /** Messages published or requested, which are not stored. */
  otherMessages: number;
}

/** Wraps a bus so that it counts the messages sent through it. */
export function countSent(bus: Bus): { readonly bus: Bus; readonly sent: Sent } {
  const sent: Sent = { logMessages: 0, logBytes: 0, queueMessages: 0, queueBytes: 0, otherMessages: 0 };
  const counting: Pick<Bus, "append" | "publish" | "request"> = {
    append(subject, data, options) {
      if (subject.startsWith("tutti.log.")) {
        sent.logMessages++;
        sent.logBytes += data.length;
      } else if (subject.startsWith("tutti.tasks.")) {
        sent.queueMessages++;
        sent.queueBytes += data.length;
      }
      return bus.append(subject, data, options);
    },
    publish(subject, data, headers) {
      sent.otherMessages++;
      bus.publish(subject, data, headers);
    },
    request(subject, data, options) {
      sent.otherMessages++;
      return bus.request(subject, data, options);
    },
  };
  const counted = new Proxy(bus, {
    get(target, name) {
      if (name in counting) return counting[name as keyof typeof counting];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { bus: counted, sent };
}
