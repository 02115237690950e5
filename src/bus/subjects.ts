import type { EventKind } from "../core/event.ts";
import type { LiveKind } from "../core/live.ts";
import type { Priority } from "../core/names.ts";

/**
 * Every subject that Tutti uses, as docs/protocol.md names them, under one prefix. The functions expect valid names.
 */
export interface Subjects {
  readonly prefix: string;
  run(type: string): string;
  submit(type: string): string;
  requests(type: string): string;
  task(at: TaskAddress): string;
  /** The filter of all queued attempts of a shard. */
  tasksOfShard(shard: number): string;
  tasksOfRun(tenant: string, shard: number, run: string): string;
  tasksOfType(type: string, priority: Priority): string;
  log(tenant: string, shard: number, run: string, event: EventKind | "*" | ">"): string;
  /** The `reply` field of a task message. The task's result goes to `<reply>.result`. */
  reply(tenant: string, shard: number, run: string): string;
  logOfShard(shard: number): string;
  /** The filter of one kind of event over all runs of a tenant (or of all tenants: `*`). */
  logOfKind(tenant: string, event: EventKind): string;
  /** The filter of one kind of event of one run whose shard is not known. */
  logOfRun(tenant: string, run: string, event: EventKind | ">"): string;
  live(tenant: string, run: string, kind: LiveKind | "*"): string;
  cancel(tenant: string, run: string): string;
  /** The subject on which a worker answers what it has taken. */
  worker(id: string): string;
  /** The subject on which the owner of a shard answers other orchestrators. */
  owner(shard: number): string;
  /** The filter of all dead letters. */
  readonly dead: string;
  deadTask(tenant: string, run: string, task: string, attempt: number): string;
  deadTasksOfRun(tenant: string, run: string): string;
  /** `sequence` is the request's sequence in its stream. `type` may be `*`. */
  deadRequest(type: string, sequence: number): string;
  api(resource: string, verb: string): string;
}

export interface TaskAddress {
  readonly type: string;
  readonly priority: Priority;
  readonly shard: number;
  readonly tenant: string;
  readonly run: string;
  readonly task: string;
  readonly attempt: number;
}

export interface LogAddress {
  readonly tenant: string;
  readonly shard: number;
  readonly run: string;
  readonly event: string;
}

export function createSubjects(prefix: string): Subjects {
  return {
    prefix,
    run: (type) => `${prefix}.run.${type}`,
    submit: (type) => `${prefix}.submit.${type}`,
    requests: (type) => `${prefix}.requests.${type}`,
    task: (at) =>
      `${prefix}.tasks.${at.type}.${at.priority}.${at.shard}.${at.tenant}.${at.run}.${at.task}.${at.attempt}`,
    tasksOfShard: (shard) => `${prefix}.tasks.*.*.${shard}.>`,
    tasksOfRun: (tenant, shard, run) => `${prefix}.tasks.*.*.${shard}.${tenant}.${run}.>`,
    tasksOfType: (type, priority) => `${prefix}.tasks.${type}.${priority}.>`,
    log: (tenant, shard, run, event) => `${prefix}.log.${tenant}.${shard}.${run}.${event}`,
    reply: (tenant, shard, run) => `${prefix}.log.${tenant}.${shard}.${run}`,
    logOfShard: (shard) => `${prefix}.log.*.${shard}.>`,
    logOfKind: (tenant, event) => `${prefix}.log.${tenant}.*.*.${event}`,
    logOfRun: (tenant, run, event) => `${prefix}.log.${tenant}.*.${run}.${event}`,
    live: (tenant, run, kind) => `${prefix}.live.${tenant}.${run}.${kind}`,
    cancel: (tenant, run) => `${prefix}.cancel.${tenant}.${run}`,
    worker: (id) => `${prefix}.worker.${id}`,
    owner: (shard) => `${prefix}.owner.${shard}`,
    dead: `${prefix}.dead.>`,
    deadTask: (tenant, run, task, attempt) => `${prefix}.dead.tasks.${tenant}.${run}.${task}.${attempt}`,
    deadTasksOfRun: (tenant, run) => `${prefix}.dead.tasks.${tenant}.${run}.>`,
    deadRequest: (type, sequence) => `${prefix}.dead.requests.${type}.${sequence}`,
    api: (resource, verb) => `${prefix}.api.${resource}.${verb}`,
  };
}

/** Reads the parts of a task's subject. The subject must be one. */
export function parseTaskSubject(subjects: Subjects, subject: string): TaskAddress {
  const [type, priority, shard, tenant, run, task, attempt] = subject
    .slice(subjects.prefix.length + ".tasks.".length)
    .split(".");
  return {
    type: type!,
    priority: priority as Priority,
    shard: Number(shard),
    tenant: tenant!,
    run: run!,
    task: task!,
    attempt: Number(attempt),
  };
}

/** Reads the tenant of a task's subject. The subject must be one. */
export function tenantOfTask(subjects: Subjects, subject: string): string {
  // The tenant stands after type, priority and shard.
  let from = subjects.prefix.length + ".tasks.".length;
  for (let i = 0; i < 3; i++) from = subject.indexOf(".", from) + 1;
  return subject.slice(from, subject.indexOf(".", from));
}

/** Reads the parts of a log subject. The subject must be one. */
export function parseLogSubject(subjects: Subjects, subject: string): LogAddress {
  const [tenant, shard, run, event] = subject.slice(subjects.prefix.length + ".log.".length).split(".");
  return { tenant: tenant!, shard: Number(shard), run: run!, event: event! };
}

/**
 * The type that a request's subject names, for requests (`run`, `submit`) and durable ones alike. Any client may
 * publish there, so it can be any text, dots included.
 */
export const typeOfRequest = (subjects: Subjects, subject: string): string =>
  subject.slice(subject.indexOf(".", subjects.prefix.length + 1) + 1);

/** Reads the tenant and run from a cancellation's subject. The subject must be one. */
export function parseCancelSubject(subjects: Subjects, subject: string): { tenant: string; run: string } {
  const [tenant, run] = subject.slice(subjects.prefix.length + ".cancel.".length).split(".");
  return { tenant: tenant!, run: run! };
}

/** Reads the tenant and run from the subject of a live message. The subject must be one. */
export function parseLiveSubject(subjects: Subjects, subject: string): { tenant: string; run: string } {
  const [tenant, run] = subject.slice(subjects.prefix.length + ".live.".length).split(".");
  return { tenant: tenant!, run: run! };
}

/** Whether a dead letter's subject is that of a task; otherwise it is that of a request. */
export const isDeadTask = (subjects: Subjects, subject: string): boolean =>
  subject.startsWith(`${subjects.prefix}.dead.tasks.`);

/** Reads the parts of the subject of a task's dead letter. The subject must be one. */
export function parseDeadTaskSubject(
  subjects: Subjects,
  subject: string,
): Pick<TaskAddress, "tenant" | "run" | "task" | "attempt"> {
  const [tenant, run, task, attempt] = subject.slice(subjects.prefix.length + ".dead.tasks.".length).split(".");
  return { tenant: tenant!, run: run!, task: task!, attempt: Number(attempt) };
}

export const lastToken = (subject: string): string => subject.slice(subject.lastIndexOf(".") + 1);
