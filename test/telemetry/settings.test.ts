import { describe, expect, test } from "vitest";
import type { Environment } from "../../src/core/environment.ts";
import { readSettings, withEnvironment } from "../../src/telemetry/settings.ts";

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
const read = (env: Environment) => {
  const complaints: string[] = [];
  const settings = readSettings(env, { name: "tutti-worker", instanceId: "host 1" }, (message) =>
    complaints.push(message),
  );
  return { settings, complaints };
};

test.each<[string, Environment]>([
  ["no endpoint", {}],
  ["an empty endpoint", { OTEL_EXPORTER_OTLP_ENDPOINT: " " }],
  ["the SDK disabled", { ...ENDPOINT, OTEL_SDK_DISABLED: "TRUE" }],
  ["no exporter", { ...ENDPOINT, OTEL_TRACES_EXPORTER: "none" }],
])("with %s nothing is exported, without a word", (_, env) => {
  expect(read(env)).toEqual({ settings: undefined, complaints: [] });
});

test.each(["localhost:4318", "collector", "ftp://collector"])(
  "the endpoint %s is refused with what was expected",
  (endpoint) => {
    expect(read({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint })).toEqual({
      settings: undefined,
      complaints: [
        `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: expected a URL such as http://localhost:4318, received "${endpoint}"; nothing is exported`,
      ],
    });
  },
);

test("gRPC is not spoken, which is told", () => {
  const { settings, complaints } = read({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" });
  expect(settings?.url.href).toBe("http://collector:4318/");
  expect(complaints).toHaveLength(1);
});

test("the queue is larger and the delay shorter than the SDK's, unless they are stated", () => {
  expect(read(ENDPOINT).settings?.batch).toEqual({ maxQueueSize: 8192, scheduledDelayMillis: 500 });
  expect(read({ ...ENDPOINT, OTEL_BSP_MAX_QUEUE_SIZE: "no number" }).settings?.batch).toEqual({
    maxQueueSize: 8192,
    scheduledDelayMillis: 500,
  });
  const stated = {
    OTEL_BSP_MAX_QUEUE_SIZE: "100",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "10",
    OTEL_BSP_SCHEDULE_DELAY: "20",
    OTEL_BSP_EXPORT_TIMEOUT: "30",
  };
  expect(read({ ...ENDPOINT, ...stated }).settings?.batch).toEqual({
    maxQueueSize: 100,
    maxExportBatchSize: 10,
    scheduledDelayMillis: 20,
    exportTimeoutMillis: 30,
  });
});

describe("the service", () => {
  const service = (env: Environment) => {
    const { OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES } = read({ ...ENDPOINT, ...env }).settings!.variables;
    return [OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES];
  };
  test("is the process's", () => expect(service({})).toEqual(["tutti-worker", "service.instance.id=host%201"]));
  test("or that of OTEL_SERVICE_NAME", () => {
    expect(service({ OTEL_SERVICE_NAME: "mine" })).toEqual(["mine", "service.instance.id=host%201"]);
  });
  test("or that of OTEL_RESOURCE_ATTRIBUTES", () => {
    const mine = "service.name=mine,service.instance.id=7,deployment.environment.name=test";
    expect(service({ OTEL_RESOURCE_ATTRIBUTES: mine })).toEqual([undefined, mine]);
    expect(service({ OTEL_RESOURCE_ATTRIBUTES: "a=b" })).toEqual(["tutti-worker", "a=b,service.instance.id=host%201"]);
  });
});

test("variables stand in the process's environment while the SDK is set up, and no longer", () => {
  process.env.OTEL_OF_THE_PROCESS = "1";
  try {
    const seen = withEnvironment({ OTEL_GIVEN: "2" }, () => [process.env.OTEL_GIVEN, process.env.OTEL_OF_THE_PROCESS]);
    expect(seen).toEqual(["2", undefined]);
    expect(() => withEnvironment({ OTEL_GIVEN: "2" }, () => JSON.parse("no JSON"))).toThrow();
    expect([process.env.OTEL_GIVEN, process.env.OTEL_OF_THE_PROCESS]).toEqual([undefined, "1"]);
  } finally {
    delete process.env.OTEL_OF_THE_PROCESS;
  }
});
