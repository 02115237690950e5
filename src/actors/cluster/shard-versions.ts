import type { Claim } from "../../core/claim.ts";
import type { Logger } from "../../core/logger.ts";
import type { OrchestratorPresence } from "../../core/registration.ts";
import { LOG_VERSION } from "../../core/version.ts";

/**
 * The versions that the shards' logs need, by their claims and our own replays, and those that each orchestrator reads: a
 * shard goes to one that can read it, and waits if there is none.
 */
export class ShardVersions {
  readonly #id: string;
  readonly #log: Logger;
  /** The version that each shard needs; 1 where nothing else is known. */
  readonly #needs = new Map<number, number>();
  readonly #reads = new Map<string, number>();
  #waiting: readonly { readonly shard: number; readonly needs: number }[] = [];

  constructor(id: string, log: Logger) {
    this.#id = id;
    this.#log = log;
  }

  /** Its log has an event of that version. */
  met(shard: number, version: number): void {
    this.#needs.set(shard, Math.max(version, this.#needsOf(shard)));
  }

  /** The shard's claim has changed. */
  claimed(shard: number, { needs }: Claim): void {
    if (needs !== undefined) this.met(shard, needs);
  }

  /** What another says of itself. One that says nothing of versions is a build that knew of one only. */
  told(id: string, presence: OrchestratorPresence | undefined): void {
    if (presence) this.#reads.set(id, presence.reads ?? 1);
    else this.#reads.delete(id);
  }

  canRead = (member: string, shard: number): boolean =>
    (member === this.#id ? LOG_VERSION : (this.#reads.get(member) ?? 1)) >= this.#needsOf(shard);

  /** The owners have been assigned. Logs when shards have to wait. */
  assigned(owners: readonly (string | undefined)[]): void {
    const waiting = owners.flatMap((owner, shard) =>
      owner === undefined && this.#needsOf(shard) > LOG_VERSION ? [{ shard, needs: this.#needsOf(shard) }] : [],
    );
    if (JSON.stringify(waiting) === JSON.stringify(this.#waiting)) return;
    this.#waiting = waiting;
    if (waiting.length === 0) return this.#log("info", "no shard waits for a newer orchestrator any more");
    const most = Math.max(...waiting.map(({ needs }) => needs));
    const named = waiting.map(({ shard }) => shard).join(", ");
    this.#log(
      "warn",
      `no orchestrator alive can read the log of shards ${named}: they wait until an orchestrator is started that reads version ${most}`,
    );
  }

  describe(): Pick<OrchestratorPresence, "reads" | "waiting"> {
    return { reads: LOG_VERSION, ...(this.#waiting.length > 0 && { waiting: [...this.#waiting] }) };
  }

  #needsOf = (shard: number): number => this.#needs.get(shard) ?? 1;
}
