import { type Delivery, header } from "../../bus/port.ts";
import { parseTaskSubject } from "../../bus/subjects.ts";
import { sleep } from "../../core/clock.ts";
import { messageOf } from "../../core/error.ts";
import { decodeJson, encodeJson } from "../../core/json.ts";
import { describeProblems, problemsOf } from "../../core/problem.ts";
import type { AttemptStatus } from "../../core/query.ts";
import { isPlainTaskMessage, LOST_HEADER, type TaskMessage, taskMessage } from "../../core/task-message.ts";
import { NewerVersion, upcast } from "../../core/upcast.ts";
import type { WorkerRuntime } from "../attempt/worker-runtime.ts";
import { Epochs } from "./epochs.ts";

/** What is to be done with a delivery. */
export type Verdict =
  | { readonly kind: "execute" | "settled" | "poison"; readonly message: TaskMessage }
  | { readonly kind: "unreadable"; readonly problem: string }
  /** For a newer worker. */
  | { readonly kind: "newer"; readonly problem: string }
  /** It is in execution, here or at another worker that is alive: it comes again if that does not end it. */
  | { readonly kind: "held" };

/** With a task that has lost this many workers, the next is to execute nothing else. */
const MOST_LOST_IN_COMPANY = 2;

/** How many workers may have been lost with what is delivered: those that are known, and those that have not ended this message. */
const lossesOf = (delivery: Delivery): number =>
  delivery.deliveries - 1 + (Number(header(delivery, LOST_HEADER) ?? 0) || 0);

/** Whether its next loss has to be its own, and not that of what is executed beside it. */
export const isToBeAlone = (delivery: Delivery): boolean => lossesOf(delivery) >= MOST_LOST_IN_COMPANY;

/** Decides, before anything is executed, whether a delivery still has to be: delivery is at least once, effect is once. */
export class DeliveryCheck {
  readonly #runtime: WorkerRuntime;
  readonly #maxDeliveries: number;
  readonly #epochs: Epochs;
  readonly #isExecuting: (delivery: Delivery) => boolean;
  /** What was queued before this moment (of the wall clock) is asked about, even when it seems new. */
  #doubtedBefore = 0;
  #unlisten: () => void = () => {};
  #stopped = false;

  /** `isExecuting`: whether this process has the attempt of another delivery in execution. */
  constructor(runtime: WorkerRuntime, maxDeliveries: number, isExecuting: (delivery: Delivery) => boolean) {
    this.#isExecuting = isExecuting;
    this.#runtime = runtime;
    this.#maxDeliveries = maxDeliveries;
    this.#epochs = new Epochs(runtime.log);
  }

  async start(): Promise<void> {
    const { bus, topology } = this.#runtime;
    // A server that was killed may have forgotten acks.
    this.#unlisten = bus.onEvent(({ type }) => {
      if (type === "reconnected" || type === "lost") this.doubtWhatIsQueued();
    });
    const { shards } = topology.buckets;
    await this.#epochs.start(await bus.bucket(shards), shards.name);
  }

  /** Asks no more: what cannot be told at once counts as not settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unlisten();
    await this.#epochs.stop();
  }

  /** This process may have missed something: whatever was queued until now is asked about. */
  doubtWhatIsQueued(): void {
    this.#doubtedBefore = this.#runtime.clock.now();
  }

  /** At once, unless somebody has to be asked. */
  judge(delivery: Delivery): Verdict | Promise<Verdict> {
    const read = readTaskMessage(delivery);
    if ("kind" in read) return read;
    return this.#isDoubtful(delivery, read.message)
      ? this.#inquire(delivery, read.message)
      : { kind: "execute", message: read.message };
  }

  async #inquire(delivery: Delivery, message: TaskMessage): Promise<Verdict> {
    if (this.#isExecuting(delivery)) return { kind: "held" };
    const { settled, heldBy } = await this.#ask(delivery, message);
    if (settled) return { kind: "settled", message };
    if (heldBy !== undefined) return { kind: "held" };
    if (delivery.deliveries > 1) this.#reportLost(delivery, message);
    return { kind: delivery.deliveries <= this.#maxDeliveries ? "execute" : "poison", message };
  }

  /** A worker that had it has died, hangs, or has handed it back: whoever waits for the task should know. */
  #reportLost(delivery: Delivery, { run, task, attempt }: TaskMessage): void {
    const { log, live, topology } = this.#runtime;
    const times = delivery.deliveries - 1;
    const { tenant } = parseTaskSubject(topology.subjects, delivery.subject);
    live.tell("lost", { tenant, run, task, attempt }, { times });
    log(
      "warn",
      `task ${task} of run ${run}, attempt ${attempt}, is delivered once more: workers that had it were lost, or gave it back, ${times} ${times === 1 ? "time" : "times"}`,
    );
  }

  /** Whether the attempt may have been settled before: by another worker, or under another owner of its shard. */
  #isDoubtful(delivery: Delivery, { epoch }: TaskMessage): boolean {
    if (lossesOf(delivery) > 0 || delivery.timestamp < this.#doubtedBefore) return true;
    if (epoch === undefined || !this.#epochs.mayBePast(epoch)) return false;
    return this.#epochs.isPast(parseTaskSubject(this.#runtime.topology.subjects, delivery.subject).shard, epoch);
  }

  /** Also says who is about to execute it, and whether alone: if this worker is lost, it is known what it had. */
  async #ask(delivery: Delivery, { run, task, attempt }: TaskMessage): Promise<AttemptStatus> {
    const { bus, topology, clock, log, id: worker } = this.#runtime;
    const { tenant, shard } = parseTaskSubject(topology.subjects, delivery.subject);
    const query = encodeJson({ tenant, run, task, attempt, worker, alone: isToBeAlone(delivery) });
    const { presenceTtlMs } = topology;
    // A shard whose owner has died has another one soon. Waiting longer is not needed: executing once more is allowed.
    const untilMs = clock.monotonic() + 3 * presenceTtlMs;
    while (!this.#stopped) {
      const answer = await bus
        // Not by way of `api.tasks.settled`, which an orchestrator that is stopped may be given to answer.
        .request(topology.subjects.owner(shard), query, { timeoutMs: presenceTtlMs / 2 })
        .then(({ data }) => decodeJson(data) as Partial<AttemptStatus>)
        .catch(messageOf);
      if (typeof answer === "object" && typeof answer.settled === "boolean") return answer as AttemptStatus;
      if (clock.monotonic() >= untilMs) {
        log("debug", `whether ${task} of run ${run} is settled is not known: ${JSON.stringify(answer)}`);
        return UNSETTLED;
      }
      await sleep(clock, presenceTtlMs / 10);
    }
    return UNSETTLED;
  }
}

const UNSETTLED: AttemptStatus = { settled: false };

function readTaskMessage(delivery: Delivery): { message: TaskMessage } | (Verdict & { problem: string }) {
  try {
    const raw = decodeJson(delivery.data);
    if (isPlainTaskMessage(raw)) return { message: raw };
    const current = upcast("task", raw);
    const parsed = taskMessage.safeParse(current);
    if (parsed.success) return { message: parsed.data };
    return { kind: "unreadable", problem: describeProblems(problemsOf(parsed.error, current)) };
  } catch (error) {
    return { kind: error instanceof NewerVersion ? "newer" : "unreadable", problem: messageOf(error) };
  }
}
