/**
 * The highest version of each kind of stored body that this build reads. Versions are per kind: raising one leaves the
 * others, and the processes that write them, as they are.
 *
 * A body is written at the lowest version that can say it, so that builds which know only that read on. An orchestrator
 * that meets a version above its own gives the shard back.
 */
export const VERSIONS = {
  /** 2: a run of a type that the owner carries out itself. */
  submitted: 2,
  result: 1,
  /** 2: of the moment `within`, or of the deadline of a task. */
  due: 2,
  /** 2: of one task and what is below it. */
  cancel: 2,
  pause: 2,
  resume: 2,
  mark: 2,
  redrive: 1,
  ended: 1,
  /** Has the version of the highest that it carries, and so can be as high as any of them. */
  carried: 2,
  planned: 2,
  deferred: 2,
  lost: 2,
  decided: 2,
  signal: 2,
  answered: 2,
  replan: 2,
  /** A plan stands inside another body, and is read on its own. */
  plan: 2,
  task: 1,
  type: 1,
  worker: 1,
  orchestrator: 1,
} as const;

/** What is stored, and so may have been written by another build. */
export type StoredKind = keyof typeof VERSIONS;

/** The version of the log that this build folds, as its presence says in `reads`: it knows every event up to that. */
export const LOG_VERSION = VERSIONS.carried;
