import { describe, expect, it } from "vitest";
import { Pace } from "../../src/cli/pace.ts";

describe("the pace of a run", () => {
  it("is the rate of the last seconds, and what it makes of the rest", () => {
    const pace = new Pace();
    expect(pace.describe({ tasks: 10_000, ended: 0 }, 0)).toBeUndefined();
    expect(pace.describe({ tasks: 10_000, ended: 1000 }, 2000)).toBe("500/s, ~18s left");
    for (let at = 3000; at <= 9000; at += 1000) pace.describe({ tasks: 10_000, ended: 1000 + (at - 2000) / 10 }, at);
    expect(pace.describe({ tasks: 10_000, ended: 1800 }, 10_000)).toBe("100/s, ~1m 22s left");
  });

  it("is not given for a run whose tasks can be counted by eye, nor while nothing ends", () => {
    const small = new Pace();
    small.describe({ tasks: 12, ended: 0 }, 0);
    expect(small.describe({ tasks: 12, ended: 6 }, 1000)).toBeUndefined();
    const still = new Pace();
    still.describe({ tasks: 500, ended: 3 }, 0);
    expect(still.describe({ tasks: 500, ended: 3 }, 1000)).toBeUndefined();
  });
});
