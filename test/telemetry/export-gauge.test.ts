import { beforeEach, expect, test, vi } from "vitest";
import { createExportGauge, type ExportGauge } from "../../src/telemetry/export-gauge.ts";

let gauge: ExportGauge;
const told: string[] = [];
const flush = vi.fn(async () => {});

beforeEach(() => {
  told.length = 0;
  flush.mockClear();
  gauge = createExportGauge({
    capacity: 10,
    patienceMs: 20,
    flush,
    onFailing: (why) => told.push(`failing: ${why}`),
    onRecovered: () => told.push("recovered"),
    onDropping: () => told.push("dropping"),
  });
});
const end = (spans: number) => {
  for (let i = 0; i < spans; i++) gauge.ended();
};

test("there is room below half of the capacity", () => {
  end(4);
  expect(gauge.room()).toBeUndefined();
  end(1);
  expect(gauge.room()).toBeInstanceOf(Promise);
  gauge.exporting(5);
  gauge.exported(5);
  expect(gauge.room()).toBeUndefined();
});

test("all who wait wait for the same room, and go on when it comes", async () => {
  end(8);
  const room = gauge.room();
  expect(gauge.room()).toBe(room);
  gauge.exporting(4);
  gauge.exported(4);
  await room;
  expect(gauge.room()).toBeUndefined();
});

test("a queue that no batch leaves is flushed for those who wait", () => {
  end(8);
  void gauge.room();
  expect(flush).toHaveBeenCalledTimes(1);
  // One span out is not enough for room, and no other export is under way.
  gauge.exporting(1);
  gauge.exported(1);
  expect(flush).toHaveBeenCalledTimes(2);
});

test("nobody waits for an exporter that is stuck, until it exports again", async () => {
  end(8);
  gauge.exporting(2);
  await gauge.room();
  expect(gauge.room()).toBeUndefined();
  gauge.exported(2);
  expect(gauge.room()).toBeInstanceOf(Promise);
});

test("nobody waits for an exporter that fails, and each change is told once", async () => {
  end(9);
  gauge.exporting(2);
  const room = gauge.room();
  gauge.exported(2, new Error("no route"));
  await room;
  expect(gauge.room()).toBeUndefined();
  gauge.exporting(1);
  gauge.exported(1, Object.assign(new Error(""), { code: "ECONNREFUSED" }));
  expect(told).toEqual(["failing: no route"]);
  gauge.exporting(1);
  gauge.exported(1);
  gauge.exporting(1);
  gauge.exported(1, Object.assign(new Error(""), { code: "ECONNREFUSED" }));
  expect(told).toEqual(["failing: no route", "recovered", "failing: ECONNREFUSED"]);
});

test("spans beyond the capacity are lost and do not count; that is told once", () => {
  end(25);
  expect(told).toEqual(["dropping"]);
  gauge.exporting(10);
  end(10);
  gauge.exported(10);
  gauge.exporting(10);
  gauge.exported(10);
  expect(gauge.room()).toBeUndefined();
  end(4);
  expect(gauge.room()).toBeUndefined();
});
