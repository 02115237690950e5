/** A change of a connection's state. Logs report it; parts that mirror server state compare again when it comes. */
export type BusEvent =
  | { readonly type: "disconnected" }
  | { readonly type: "reconnected" }
  /** A follower or puller started over. Nothing is lost; a puller may receive some messages twice. */
  | { readonly type: "resynchronised"; readonly what: string }
  /**
   * This process stood still for `ms` milliseconds. Messages that arrived meanwhile are still waiting, or the server
   * has cut the connection as that of a slow consumer.
   */
  | { readonly type: "stalled"; readonly ms: number }
  /**
   * These streams (a bucket's is `KV_<name>`, an object store's `OBJ_<name>`) no longer existed, or had been replaced
   * by new ones of the same name: their data is lost. Streams that this connection ensured have been created again,
   * empty, and followers begin again. `problem` says why some could not be looked up or created; the attempt is
   * repeated.
   */
  | { readonly type: "lost"; readonly streams: readonly string[]; readonly problem?: string }
  | { readonly type: "closed"; readonly error?: Error };
