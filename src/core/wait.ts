import { z } from "zod";
import { parseDuration } from "./duration.ts";
import { type Json, json } from "./json.ts";
import { name } from "./names.ts";
import { WAITS, type wait } from "./plan-options.ts";
import { show } from "./problem.ts";

/** What a plan says of a wait. */
export type StatedWait = z.output<typeof wait>;
export type WaitKind = (typeof WAITS)[number];

export const kindOfWait = (stated: StatedWait): WaitKind => WAITS.find((kind) => stated[kind] !== undefined)!;

/** What of a wait is resolved when it begins. */
export function templateOfWait({ ask, from, subject, run, for: stays, until }: StatedWait): Json {
  const fields = { ask, from, subject, run, for: typeof stays === "object" ? (stays as Json) : undefined, until };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Json;
}

/** What a wait is for, once its templates are resolved: as much of it as follows from neither the plan nor the log. */
export const awaited = z.object({
  /** What is asked. */
  ask: json.optional(),
  /** Who may answer. */
  from: z.array(z.string()).optional(),
  subject: z.string().optional(),
  /**
   * The stream that takes the subject, and its last message when the wait began. Without them it is a core subject: what is
   * published while no owner listens is not heard.
   */
  stream: z.string().optional(),
  after: z.int().min(0).optional(),
  /** No wait of the plan: another run is to be started, as the input of the task says. */
  start: z.literal(true).optional(),
  /** Another run's id. */
  run: name.optional(),
  /** Milliseconds, from the beginning of the wait. */
  for: z.number().optional(),
  /** Milliseconds since the epoch. */
  until: z.number().optional(),
});
export type Awaited = z.output<typeof awaited>;

/** Whether it is for what somebody has to look out for: neither a signal nor a time. */
export const isListenedFor = ({ subject, run, start }: Awaited): boolean =>
  subject !== undefined || run !== undefined || start !== undefined;

/** The last moment that a date can show. */
const LAST_MS = 8.64e15;

/** Reads what a plan says of a wait; `resolve` puts values in the place of a template. Throws an Error that says what was expected. */
export function readAwaited(stated: StatedWait, resolve: (template: Json) => Json): Awaited {
  switch (kindOfWait(stated)) {
    case "signal":
      return {
        ...(stated.ask !== undefined && { ask: resolve(stated.ask) }),
        ...(stated.from !== undefined && { from: readFrom(resolve(stated.from)) }),
      };
    case "subject":
      return { subject: readText("subject", "a NATS subject", resolve(stated.subject!)) };
    case "run": {
      const run = resolve(stated.run!);
      return { run: name.safeParse(run).data ?? refuse("run", "the id of a run", run) };
    }
    case "for": {
      const stays = typeof stated.for === "object" ? resolve(stated.for as Json) : stated.for!;
      const ms = typeof stays === "string" || typeof stays === "number" ? parseDuration(stays) : undefined;
      return { for: ms !== undefined && ms <= LAST_MS / 2 ? ms : refuse("for", "a duration such as 30s or 3d", stays) };
    }
    case "until": {
      const moment = resolve(stated.until!);
      const ms = typeof moment === "string" ? Date.parse(moment) : moment;
      const isMoment = typeof ms === "number" && Math.abs(ms) <= LAST_MS;
      return { until: isMoment ? ms : refuse("until", "a time in ISO 8601, or milliseconds since the epoch", moment) };
    }
  }
}

function readFrom(from: Json): string[] {
  if (Array.isArray(from) && from.length > 0 && from.every((one) => typeof one === "string")) return [...from];
  return refuse("from", "an array of names: who may answer", from);
}

const readText = (field: string, expected: string, value: Json): string =>
  typeof value === "string" ? value : refuse(field, expected, value);

function refuse(field: string, expected: string, received: unknown): never {
  throw new Error(`wait/${field}: expected ${expected}, received ${show(received)}`);
}
