import { describe, expect, it } from "vitest";
import { describeWait } from "../../src/cli/wait-text.ts";
import type { WaitView } from "../../src/core/run-view.ts";

const since = "2026-05-04T10:00:00.000Z";
const now = Date.parse(since);
const later = (ms: number) => new Date(now + ms).toISOString();

describe("what a task waits for, in a line", () => {
  it("has what is asked, of whom, and until when", () => {
    const wait: WaitView = { for: "signal", name: "approve", ask: "Publish it?", from: ["ada", "bob"], since };
    expect(describeWait(wait, now)).toBe("for the signal approve from ada, bob: Publish it?");
    expect(describeWait({ ...wait, until: later(7_200_000) }, now)).toMatch(
      /^for the signal approve from ada, bob until 2026-05-0\d \d\d:00 \(in 2h 0m\): Publish it\?$/,
    );
  });

  it("says of a subject whether its messages are kept", () => {
    const wait = { for: "subject", name: "orders.paid", since } as const;
    expect(describeWait({ ...wait, isStored: true }, now)).toBe("for a message on orders.paid");
    expect(describeWait({ ...wait, isStored: false }, now)).toContain("(which no stream keeps)");
  });

  it("counts days of a long time, and says when it has come", () => {
    expect(describeWait({ for: "for", since, until: later(90 * 86_400_000) }, now)).toMatch(
      /^until .* \(in 90 days\)$/,
    );
    expect(describeWait({ for: "until", since, until: since }, now)).toMatch(/ \(now\)$/);
    expect(describeWait({ for: "run", name: "other", since }, now)).toBe("for the end of run other");
  });
});
