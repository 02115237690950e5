/** An entry of a {@link KeyValue} store. */
export interface KeyValueEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** For compare-and-set. */
  readonly revision: number;
}

/**
 * What parts that do not know the bus share over the processes by: a bucket of the bus, as far as they need it. A set that
 * comes too late rejects with an error of the code `wrong-sequence`.
 */
export interface KeyValue {
  get(key: string): Promise<KeyValueEntry | undefined>;
  put(key: string, value: Uint8Array): Promise<number>;
  create(key: string, value: Uint8Array): Promise<number>;
  update(key: string, value: Uint8Array, revision: number): Promise<number>;
  /** Reports every present entry, then calls `onReady`, then reports changes; `value` is undefined for a deleted key. */
  watch(
    onChange: (key: string, value: Uint8Array | undefined) => void,
    onReady?: () => void,
  ): Promise<{ stop(): Promise<void> }>;
}

/** Whether a set was refused because another came first. */
export const isConflict = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "wrong-sequence";
