import { LOG_VERSION, type StoredKind, VERSIONS } from "./version.ts";

type Body = Readonly<Record<string, unknown>>;
/** Turns a body of one version into the same of the next; the caller sets `v`. Pure. */
export type UpcastStep = (body: Body) => Body;

export interface Upcasters {
  /** The highest that is read, by kind. */
  readonly versions: { readonly [K in StoredKind]: number };
  /**
   * By kind, then by the version a step begins at. There is none where a version only adds to what the one before could
   * say: its bodies are read as they are.
   */
  readonly steps: { readonly [K in StoredKind]?: { readonly [from: number]: UpcastStep } };
  /** Kinds that foreign workers write, and may leave `v` out of: an absent one reads as 1. */
  readonly versionless: readonly StoredKind[];
}

/** A shape that changes is a new version of its kind with a step here, so that every log ever written stays readable. */
export const UPCASTERS: Upcasters = { versions: VERSIONS, steps: {}, versionless: ["result", "plan"] };

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
 * A stored body of any earlier version, in a shape that this build reads. The body itself is not touched, and is returned
 * as it is when it has that shape, or when it has no version to go by (no object, `v` no positive integer): that is for its schema to say.
 * Throws {@link NewerVersion}.
 */
export function upcast(kind: StoredKind, body: unknown, table: Upcasters = UPCASTERS): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const stated = (body as Body).v;
  const from = stated === undefined && table.versionless.includes(kind) ? 1 : stated;
  if (typeof from !== "number" || !Number.isInteger(from) || from < 1) return body;
  const highest = table.versions[kind];
  if (from > highest) throw new NewerVersion(kind, from, highest);
  let current = stated === from ? (body as Body) : { ...body, v: from };
  for (let version = from; version < highest; version++) {
    const step = table.steps[kind]?.[version];
    if (step) current = { ...step(current), v: version + 1 };
  }
  return current;
}

/** Reads a kind that this build does not know at all. Throws {@link NewerVersion} if it says that a newer one does. */
export function refuseNewer(kind: string, body: unknown): void {
  const stated = typeof body === "object" && body !== null ? (body as Body).v : undefined;
  if (typeof stated === "number" && Number.isInteger(stated) && stated > LOG_VERSION)
    throw new NewerVersion(kind, stated, LOG_VERSION);
}
