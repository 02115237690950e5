import type { LoadName } from "../../bench/counted-loads.ts";
import type { Counts } from "../../bench/counts.ts";

/**
 * What one task costs. The first six are counted in one process on a virtual clock and are the same on every machine;
 * allocations depend a little on when code is compiled, and on NATS it is a matter of time what falls together in one message.
 *
 * `npm run bench -- counts` prints them. When one grows on purpose, write the new number here, and in the commit what it
 * buys. When one has fallen, write it here too, so that it cannot climb back unseen.
 */
export const EXPECTED: Readonly<Record<LoadName, Counts>> = {
  "fan-out": {
    logMessages: 0.006,
    logBytes: 167.5,
    queueMessages: 1,
    queueBytes: 160.4,
    otherMessages: 0.0005,
    steps: 0,
    allocatedBytes: 13_800,
    natsMessages: 4.03,
    natsBytes: 715,
  },
  chain: {
    logMessages: 1.01,
    logBytes: 177.8,
    queueMessages: 1,
    queueBytes: 152.5,
    otherMessages: 0.005,
    steps: 0,
    allocatedBytes: 34_000,
    natsMessages: 7.15,
    natsBytes: 825,
  },
  "small-runs": {
    logMessages: 0.858,
    logBytes: 224,
    queueMessages: 1,
    queueBytes: 157.1,
    otherMessages: 0.143,
    steps: 0,
    allocatedBytes: 33_000,
    natsMessages: 7.25,
    natsBytes: 930,
  },
};

/** What a count may be larger by, whatever it is: a message or two of a whole run. */
export const SLACK = 0.001;

/** The part by which it may be larger besides. */
export const TOLERANCE: Readonly<Record<keyof Counts, number>> = {
  logMessages: 0.01,
  logBytes: 0.01,
  queueMessages: 0.01,
  queueBytes: 0.01,
  otherMessages: 0.01,
  steps: 0.01,
  allocatedBytes: 0.1,
  natsMessages: 0.05,
  natsBytes: 0.05,
};
