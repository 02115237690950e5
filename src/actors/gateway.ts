import { header, type Message } from "../bus/port.ts";
import { messageOf, TuttiError } from "../core/error.ts";
import type { Ended } from "../core/event.ts";
import { encodeJson } from "../core/json.ts";
import { HEADERS } from "../core/request.ts";
import { waitForEnd } from "./end-waiter.ts";
import type { Host } from "./host.ts";
import { readRequest, submit } from "./submission.ts";

/** Answers `run.*` and `submit.*`. Every failure is a reply; nothing a caller sends can disturb the process. */
export class Gateway {
  readonly #host: Host;
  readonly #stops = new Set<() => void>();

  constructor(host: Host) {
    this.#host = host;
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  /** `submit.<type>`: answers with the run's id once it is durable. */
  submit(message: Message): void {
    void answering(message, async () => {
      const request = await readRequest(this.#host, this.#typeIn(message), message);
      const { run } = await submit(this.#host, request);
      message.respond(encodeJson({ run }), { [HEADERS.run]: run });
    });
  }

  /** `run.<type>`: answers with the output once the run has ended. */
  run(message: Message): void {
    void answering(message, async () => {
      const host = this.#host;
      const request = await readRequest(host, this.#typeIn(message), message);
      const run = request.headers[HEADERS.run] ?? host.clock.id();
      const tenant = request.headers[HEADERS.tenant];
      const waiter = await waitForEnd(host, tenant, run);
      this.#stops.add(waiter.stop);
      try {
        const { isNew } = await submit(host, request, run);
        if (!isNew) await waiter.check();
        await this.#reply(message, run, await waiter.ended);
      } finally {
        waiter.stop();
        this.#stops.delete(waiter.stop);
      }
    });
  }

  #typeIn(message: Message): string {
    // After the prefix and the verb; a type with dots in it is refused later, by name.
    return message.subject.slice(this.#host.topology.subjects.prefix.length + 1).replace(/^[^.]*\./, "");
  }

  async #reply(message: Message, run: string, ended: Ended): Promise<void> {
    if (ended.status !== "succeeded") {
      throw TuttiError.fromWire(ended.error ?? { code: 500, message: "the run ended without saying why", run });
    }
    const { bus, blobs } = this.#host;
    const data = ended.outputRef === undefined ? encodeJson(ended.output ?? null) : await blobs.get(ended.outputRef);
    if (data.length < bus.maxPayload - 1024) return message.respond(data, { [HEADERS.run]: run });
    // Larger than the bus carries in a message: the run has succeeded, its output waits in the object store.
    message.respond(encodeJson({ outputRef: ended.outputRef, bytes: data.length }), {
      [HEADERS.run]: run,
      [HEADERS.output]: "ref",
    });
  }
}

/** Runs `answer`; whatever it throws becomes an error reply. */
export async function answering(message: Message, answer: () => Promise<void>): Promise<void> {
  try {
    await answer();
  } catch (error) {
    try {
      respondError(message, error);
    } catch {
      // The connection is gone, and the caller with it.
    }
  }
}

export function respondError(message: Message, error: unknown): void {
  const known = error instanceof TuttiError ? error : new TuttiError(500, messageOf(error));
  const run = known.details.run ?? header(message, HEADERS.run);
  message.respond(encodeJson({ error: known.toJSON() }), {
    [HEADERS.errorCode]: String(known.code),
    // Headers hold one line.
    [HEADERS.error]: known.message.replaceAll(/[\r\n]+/g, " ").slice(0, 500),
    ...(run && { [HEADERS.run]: run.replaceAll(/[^\x20-\x7e]/g, "?") }),
  });
}
