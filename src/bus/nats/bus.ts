import { AuthorizationError, connect, type NatsConnection, TimeoutError } from "@nats-io/transport-node";
import { type Clock, systemClock } from "../../core/clock.ts";
import { type Bus, BusError, type ConsumerDefinition, isBusError, type Message, type Stoppable } from "../port.ts";
import { checkSize } from "../sizes.ts";
import { Appender } from "./append.ts";
import { openBucket } from "./bucket.ts";
import { callHandler } from "./call-handler.ts";
import { ensureConsumer, lastDelivered, listUnsettled, readConsumer } from "./consumer.ts";
import { closedError, toBusError } from "./errors.ts";
import { Follower } from "./follow.ts";
import { demandsCertificate } from "./greeting.ts";
import { fromHeaders } from "./headers.ts";
import { Link } from "./link.ts";
import { toMessage } from "./message.ts";
import { openObjects } from "./objects.ts";
import { connectionOptions, type NatsOptions } from "./options.ts";
import { NatsPuller } from "./pull.ts";
import { startService } from "./service.ts";
import {
  findStreams,
  keptFields,
  lastSequence,
  listSubjects,
  readMessage,
  readStreamState,
  removeSubject,
  streamConfig,
} from "./stream.ts";

export { type NatsOptions, readNatsOptions } from "./options.ts";

/** The time that `close` waits for the acknowledgements of earlier appends. */
const CLOSE_PATIENCE_MS = 2000;

/**
 * Connects to NATS (a server from 2.9 up, with JetStream). The first attempt is not repeated: it rejects with {@link
 * BusError} `unreachable`, or `failed` when the credentials or files are wrong. A connection that is lost later is
 * restored, however long that takes.
 */
export async function connectNats(options: NatsOptions): Promise<Bus> {
  const settings = connectionOptions(options);
  let connection: NatsConnection;
  try {
    connection = await connect(settings);
  } catch (cause) {
    throw await connectError(cause, [settings.servers ?? []].flat(), options);
  }
  return createBus(connection, options.clock ?? systemClock);
}

async function connectError(cause: unknown, servers: readonly string[], { tls }: NatsOptions): Promise<BusError> {
  const urls = servers.join(",");
  const why = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof AuthorizationError) {
    const expected =
      "expected NATS_CREDS, NATS_TOKEN, NATS_USER with NATS_PASSWORD, or NATS_NKEY that the server accepts";
    return new BusError("failed", `NATS at ${urls} refuses the credentials: ${why}; ${expected}`, { cause });
  }
  if (cause instanceof TimeoutError && (await demandsCertificate(servers))) {
    const problem = tls?.cert ? "does not accept the one in NATS_TLS_CERT" : "none is set";
    const expected = "expected NATS_TLS_CERT with NATS_TLS_KEY, signed by an authority that the server trusts";
    const message = `NATS at ${urls} demands a client certificate and ${problem}: ${expected}`;
    return new BusError("failed", message, { cause });
  }
  if (/certificate|self-signed|'?tls'?/i.test(why)) {
    const demanded = !tls?.cert && (await demandsCertificate(servers));
    const more = demanded ? "; it demands a client certificate as well, and none is set" : "";
    const expected = `expected NATS_TLS_CA (and NATS_TLS_CERT with NATS_TLS_KEY) that fit the server's certificate, or none of them for a server without TLS${more}`;
    return new BusError("failed", `cannot connect to NATS at ${urls} with TLS: ${why}; ${expected}`, { cause });
  }
  const help = "start a server (nats-server -js) or set NATS_URL to a running one";
  return new BusError("unreachable", `cannot reach NATS at ${urls}: ${why}; ${help}`, { cause });
}

function createBus(nc: NatsConnection, clock: Clock): Bus {
  const link = new Link(nc, clock);
  const appender = new Appender(link);
  const consumers = new Map<string, ConsumerDefinition>();
  const started = new Set<Stoppable>();
  let closing: Promise<void> | undefined;

  /** Registers something that `close` stops, unless it has been stopped before. */
  const own = <T extends Stoppable>(stoppable: T): T => {
    const stop = stoppable.stop.bind(stoppable);
    stoppable.stop = () => {
      started.delete(stoppable);
      return stop();
    };
    started.add(stoppable);
    return stoppable;
  };

  const checkOpen = () => {
    if (closing || link.closed) throw closedError();
  };

  const close = async () => {
    await Promise.allSettled([...started].map((stoppable) => stoppable.stop()));
    await appender.close(CLOSE_PATIENCE_MS);
    await link.flush();
    await nc.close().catch(() => {});
  };

  return {
    get description() {
      return `${link.url} (${link.version})`;
    },
    get maxPayload() {
      return link.maxPayload;
    },

    publish(subject, data, headers) {
      checkOpen();
      checkSize(`publish to ${subject}`, data, headers, link.maxPayload);
      try {
        nc.publish(subject, data, headers && { headers: fromHeaders(headers) });
      } catch (error) {
        throw toBusError(error, `publish to ${subject}`);
      }
    },

    async subscribe(filter, handler, { queue } = {}) {
      checkOpen();
      try {
        const subscription = nc.subscribe(filter, {
          ...(queue ? { queue } : {}),
          callback: (error, message) => {
            if (!error) callHandler(handler, toMessage(link, message));
          },
        });
        await link.flush();
        return own({ stop: () => link.drain(subscription) });
      } catch (error) {
        throw toBusError(error, `subscribe to ${filter}`);
      }
    },

    async request(subject, data, { timeoutMs, headers }): Promise<Message> {
      checkOpen();
      const what = `request to ${subject}`;
      checkSize(what, data, headers, link.maxPayload);
      try {
        const options = { timeoutMs, ...(headers && { headers: fromHeaders(headers) }) };
        return toMessage(link, await link.requests.send(subject, data, what, options));
      } catch (error) {
        checkOpen();
        if (isBusError(error, "unreachable")) throw new BusError("timeout", error.message, { cause: error });
        throw error;
      }
    },

    async serve(service) {
      checkOpen();
      return own(await startService(link, service));
    },

    async ensureStream(definition) {
      checkOpen();
      await link.known.ensure(streamConfig(definition), keptFields(definition));
    },

    async ensureConsumer(definition) {
      checkOpen();
      await ensureConsumer(link, definition);
      consumers.set(`${definition.stream} ${definition.name}`, definition);
    },

    append: (subject, data, options) => appender.append(subject, data, options),

    async follow(stream, filter, handler, options = {}) {
      checkOpen();
      return own(await new Follower(link, { stream, filter, ...options }, handler).start());
    },

    async findStreams(filter) {
      checkOpen();
      return findStreams(link, filter);
    },

    async streamState(stream) {
      checkOpen();
      return readStreamState(link, stream);
    },

    async lastSequence(stream, filter) {
      checkOpen();
      return lastSequence(link, stream, filter);
    },

    async getMessage(stream, sequence) {
      checkOpen();
      return readMessage(link, stream, { seq: sequence });
    },

    async getLastMessage(stream, filter) {
      checkOpen();
      return readMessage(link, stream, { last_by_subj: filter });
    },

    async listSubjects(stream, filter) {
      checkOpen();
      return listSubjects(link, stream, filter);
    },

    async listUnsettled(stream, consumer) {
      checkOpen();
      return listUnsettled(link, stream, consumer);
    },

    async removeSubject(stream, subject) {
      checkOpen();
      return removeSubject(link, stream, subject);
    },

    async lastDelivered(stream, consumer) {
      checkOpen();
      return lastDelivered(link, stream, consumer);
    },

    async pull(stream, consumer, handler) {
      checkOpen();
      const definition = consumers.get(`${stream} ${consumer}`) ?? (await readConsumer(link, stream, consumer));
      const ensure = () => ensureConsumer(link, definition);
      return own(new NatsPuller(link, stream, consumer, ensure, handler).start());
    },

    async bucket(definition) {
      checkOpen();
      return openBucket(link, appender, definition, own);
    },

    async objects(definition) {
      checkOpen();
      return openObjects(link, appender, definition);
    },

    onEvent: (listener) => link.onEvent(listener),

    close() {
      closing ??= close();
      return closing;
    },

    [Symbol.asyncDispose]() {
      return this.close();
    },
  };
}
