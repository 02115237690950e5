import { createHash } from "node:crypto";
import { createInbox } from "@nats-io/transport-node";
import { BusError, type ObjectStore, type ObjectStoreDefinition } from "../port.ts";
import type { Appender } from "./append.ts";
import { Follower } from "./follow.ts";
import type { Link } from "./link.ts";
import { ageConfig, keptFields, readMessage, removeSubject } from "./stream.ts";

const CHUNK_BYTES = 128 * 1024;

/** The description of an object as ADR-20 defines it: the last message of its meta subject. */
interface Meta {
  readonly name: string;
  readonly bucket: string;
  readonly nuid: string;
  readonly size: number;
  readonly chunks: number;
  readonly digest: string;
  readonly mtime: string;
  readonly deleted?: boolean;
  readonly options: { readonly max_chunk_size: number };
}

/**
 * Opens an object store. An object is a sequence of chunks and a description (ADR-20), so `nats object` and every
 * client library can use it. `@nats-io/obj` is not used: its `get` waits for ever when the chunks have expired an
 * instant before their description, and its `put` awaits each chunk.
 */
export async function openObjects(
  link: Link,
  appender: Appender,
  definition: ObjectStoreDefinition,
): Promise<ObjectStore> {
  const bucket = definition.name;
  const stream = `OBJ_${bucket}`;
  const config = {
    name: stream,
    subjects: [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`],
    retention: "limits",
    discard: "new",
    allow_rollup_hdrs: true,
    allow_direct: true,
    num_replicas: definition.replicas ?? 1,
    storage: "file",
    ...ageConfig(definition.maxAgeMs),
    ...(definition.maxBytes !== undefined && { max_bytes: definition.maxBytes || -1 }),
  };
  await link.known.ensure(config, keptFields(definition));

  const metaSubject = (name: string) => `$O.${bucket}.M.${padded(Buffer.from(name).toString("base64url"))}`;
  const chunkSubject = (nuid: string) => `$O.${bucket}.C.${nuid}`;
  const readMeta = async (name: string): Promise<Meta | undefined> => {
    const message = await readMessage(link, stream, { last_by_subj: metaSubject(name) });
    const meta: Meta | undefined = message && JSON.parse(Buffer.from(message.data).toString());
    return meta?.deleted ? undefined : meta;
  };

  return {
    async put(name, data) {
      const before = readMeta(name);
      const nuid = createInbox().slice("_INBOX.".length);
      const chunkBytes = Math.min(CHUNK_BYTES, link.maxPayload);
      const chunks: Promise<unknown>[] = [];
      for (let at = 0; at < data.length; at += chunkBytes) {
        chunks.push(appender.append(chunkSubject(nuid), data.subarray(at, at + chunkBytes)));
      }
      const meta: Meta = {
        name,
        bucket,
        nuid,
        size: data.length,
        chunks: chunks.length,
        digest: digestOf(data),
        mtime: new Date(link.clock.now()).toISOString(),
        options: { max_chunk_size: chunkBytes },
      };
      const settled = await Promise.allSettled([before, ...chunks]);
      const failed = settled.find((result) => result.status === "rejected");
      if (failed) {
        // No object refers to the chunks that were stored. If they cannot be removed now, they expire with the store.
        if (!link.closed) await removeSubject(link, stream, chunkSubject(nuid)).catch(() => {});
        throw failed.reason;
      }
      const body = Buffer.from(JSON.stringify(meta));
      await appender.append(metaSubject(name), body, { headers: { "Nats-Rollup": "sub" } });
      const replaced = await before;
      if (replaced) await removeSubject(link, stream, chunkSubject(replaced.nuid)).catch(() => {});
    },

    has: async (name) => (await readMeta(name)) !== undefined,

    async get(name) {
      let meta = await readMeta(name);
      let data: Uint8Array | undefined;
      while (meta && !data) {
        if (meta.size === 0) return new Uint8Array(0);
        data = await readChunks(link, stream, chunkSubject(meta.nuid), meta.size);
        if (data) break;
        // The object has expired, or was replaced, since its description was read.
        const tried = meta.nuid;
        meta = await readMeta(name);
        if (meta?.nuid === tried) return undefined;
      }
      if (!meta || !data) return undefined;
      if (digestOf(data) === meta.digest) return data;
      throw new BusError("failed", `object ${name} of ${stream} is corrupt: its digest is not ${meta.digest}`);
    },
  };
}

async function readChunks(link: Link, stream: string, subject: string, size: number): Promise<Uint8Array | undefined> {
  const data = new Uint8Array(size);
  let at = 0;
  return new Promise((resolve, reject) => {
    const end = (result: Uint8Array | undefined) => void follower.stop().then(() => resolve(result));
    const source = {
      stream,
      filter: subject,
      onCaughtUp: () => end(at === size ? data : undefined),
      onClosed: () => reject(new BusError("closed", `object of ${stream}: the bus was closed`)),
    };
    const follower = new Follower(link, source, (message) => {
      if (at + message.data.length > size) return end(undefined);
      data.set(message.data, at);
      at += message.data.length;
      if (at === size) end(data);
    });
    follower.start().catch(reject);
  });
}

function digestOf(data: Uint8Array): string {
  return `SHA-256=${padded(createHash("sha256").update(data).digest("base64url"))}`;
}

/** Adds the padding of base64url, which the object stores of all clients have and Node omits. */
function padded(text: string): string {
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}
