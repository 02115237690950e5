/** What happens to a connection, for logs and for everything that has to look again then. */
export type BusEvent =
  | { readonly type: "disconnected" }
  | { readonly type: "reconnected" }
  /** A follower or puller had to start over by itself (nothing is lost; some messages may come twice to a puller). */
  | { readonly type: "resynchronised"; readonly what: string }
  /** This process did nothing for so long. What came meanwhile waits; or the server has cut the connection of a slow consumer. */
  | { readonly type: "stalled"; readonly ms: number }
  /**
   * These streams (of buckets: `KV_<name>`, of object stores: `OBJ_<name>`) were not there any more, or are others by the
   * same name: their data is lost. Those that were ensured here have been made again, empty; followers begin again.
   * `problem`: why some could not be looked up or made again; it is tried again.
   */
  | { readonly type: "lost"; readonly streams: readonly string[]; readonly problem?: string }
  | { readonly type: "closed"; readonly error?: Error };
