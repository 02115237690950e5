import type { Claim } from "../../core/claim.ts";
import type { Logger } from "../../core/logger.ts";
import type { OrchestratorPresence } from "../../core/registration.ts";
import { LOG_VERSION } from "../../core/version.ts";

/**
 * The versions that the shards' logs need, known from claims and from replays here, and the versions that each
 * orchestrator reads. A shard is assigned to an orchestrator that can read it, and waits if there is none.
 */
export class ShardVersions {
  readonly #id: string;
  readonly #log: Logger;
  /** The version that each shard needs, if it is known to be above 1. */
  readonly #needs = new Map<number, number>();
  readonly #reads = new Map<string, number>();
  #waiting: readonly { readonly shard: number; readonly needs: number }[] = [];

  constructor(id: string, log: Logger) {
    this.#id = id;
    this.#log = log;
  }

  /** Notes that the log of the shard has an event of that version. */
  met(shard: number, version: number): void {
    this.#needs.set(shard, Math.max(version, this.#needsOf(shard)));
  }

  /** Notes the version in a changed claim of the shard. */
  claimed(shard: number, { needs }: Claim): void {
    if (needs !== undefined) this.met(shard, needs);
  }

  /**
   * Notes the version that another orchestrator reads; undefined when it is gone. A presence without a version means 1.
   */
  setPresence(id: string, presence: OrchestratorPresence | undefined): void {
    if (presence) this.#reads.set(id, presence.reads ?? 1);
    else this.#reads.delete(id);
  }

  canRead = (member: string, shard: number): boolean =>
    (member === this.#id ? LOG_VERSION : (this.#reads.get(member) ?? 1)) >= this.#needsOf(shard);

  /** Takes the owners that were assigned. Logs when shards have to wait. */
  assigned(owners: readonly (string | undefined)[]): void {
    const waiting = owners.flatMap((owner, shard) =>
      owner === undefined && this.#needsOf(shard) > LOG_VERSION ? [{ shard, needs: this.#needsOf(shard) }] : [],
    );
    if (JSON.stringify(waiting) === JSON.stringify(this.#waiting)) return;
    this.#waiting = waiting;
    if (waiting.length === 0) return this.#log("info", "no shard waits for a newer orchestrator now");
    const most = Math.max(...waiting.map(({ needs }) => needs));
    const named = waiting.map(({ shard }) => shard).join(", ");
    this.#log(
      "warn",
      `no orchestrator alive can read the log of shards ${named}: they wait for an orchestrator that reads version ${most}`,
    );
  }

  describe(): Pick<OrchestratorPresence, "reads" | "waiting"> {
    return { reads: LOG_VERSION, ...(this.#waiting.length > 0 && { waiting: [...this.#waiting] }) };
  }

  #needsOf = (shard: number): number => this.#needs.get(shard) ?? 1;
}
