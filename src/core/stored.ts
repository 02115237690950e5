import { z } from "zod";
import { type StoredKind, VERSIONS } from "./version.ts";

/** What the bodies of stored messages have in common. */

/** The version of a body of that kind: one that this build reads. */
export const versionOf = (kind: StoredKind) => z.int().min(1).max(VERSIONS[kind]);

/** The name of an object in the blob store. */
export const blobRef = z.string().min(1).max(256);

/** ISO 8601, or milliseconds since the epoch as foreign workers may find easier. */
export const moment = z.union([z.string(), z.number()]);
