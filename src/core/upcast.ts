import { type EventKind, VERSION } from "./event.ts";

/** What is stored, and so may have been written by another build. A plan stands inside a result and is read on its own. */
export type StoredKind = EventKind | "plan" | "task" | "type" | "worker" | "orchestrator";

type Body = Readonly<Record<string, unknown>>;
/** From a body of one version to the same in the next; `v` is set for it. Pure. */
export type UpcastStep = (body: Body) => Body;

export interface Upcasters {
  /** The version that results. */
  readonly version: number;
  /** By kind, then by the version a step begins at. A kind that did not change from one version to the next has none. */
  readonly steps: { readonly [K in StoredKind]?: { readonly [from: number]: UpcastStep } };
  /** Kinds that foreign workers write, and may leave `v` out of: an absent one reads as 1. */
  readonly versionless: readonly StoredKind[];
}

/** A new shape is a new `VERSION` with a step here, so that every log ever written stays readable. */
export const UPCASTERS: Upcasters = { version: VERSION, steps: {}, versionless: ["result", "plan"] };

/** The body was written by a newer build than this one, which must leave it alone (an orchestrator gives the shard back). */
export class NewerVersion extends Error {
  override readonly name = "NewerVersion";
  readonly kind: string;
  readonly version: number;

  constructor(kind: string, version: number, highest: number) {
    super(`${kind} of version ${version}: this build reads versions up to ${highest}; run a newer one`);
    this.kind = kind;
    this.version = version;
  }
}

/**
 * A stored body of any earlier version, in the current one. The body itself is not touched, and is returned as it is when
 * it is current, or when it has no version to go by (no object, `v` no positive integer): that is for its schema to say.
 * Throws {@link NewerVersion}.
 */
export function upcast(kind: StoredKind, body: unknown, table: Upcasters = UPCASTERS): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const stated = (body as Body).v;
  const from = stated === undefined && table.versionless.includes(kind) ? 1 : stated;
  if (typeof from !== "number" || !Number.isInteger(from) || from < 1) return body;
  if (from > table.version) throw new NewerVersion(kind, from, table.version);
  let current = stated === from ? (body as Body) : { ...body, v: from };
  for (let version = from; version < table.version; version++) {
    const step = table.steps[kind]?.[version];
    current = { ...(step ? step(current) : current), v: version + 1 };
  }
  return current;
}

/** For what this build does not know at all. Throws {@link NewerVersion} if it says that a newer one does. */
export function refuseNewer(kind: string, body: unknown): void {
  const stated = typeof body === "object" && body !== null ? (body as Body).v : undefined;
  if (typeof stated === "number" && Number.isInteger(stated) && stated > VERSION)
    throw new NewerVersion(kind, stated, VERSION);
}
