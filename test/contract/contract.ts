import type { Bus } from "../../src/bus/port.ts";

/** What a test of the contract works with. */
export interface Contract {
  /** A connection that is closed after the test. */
  connect(): Promise<Bus>;
  /** A name nobody else uses, good for streams, buckets and a token of a subject. */
  unique(): string;
}
