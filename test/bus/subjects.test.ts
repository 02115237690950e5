import { describe, expect, test } from "vitest";
import {
  createSubjects,
  isDeadTask,
  parseCancelSubject,
  parseDeadTaskSubject,
  parseLogSubject,
  parseTaskSubject,
  tenantOfTask,
  typeOfRequest,
} from "../../src/bus/subjects.ts";

describe.each(["tutti", "tutti-2"])("under the prefix %s", (prefix) => {
  const subjects = createSubjects(prefix);
  const attempt = { tenant: "acme", run: "r-1", task: "digest/part-0", attempt: 12 };

  test("a task's subject is taken apart into what it was made of", () => {
    const at = { ...attempt, type: "summarize", priority: "high", shard: 14 } as const;
    expect(parseTaskSubject(subjects, subjects.task(at))).toEqual(at);
    expect(tenantOfTask(subjects, subjects.task(at))).toBe("acme");
  });

  test("so is the subject of an event", () => {
    const subject = subjects.log("acme", 14, "r-1", "submitted");
    expect(parseLogSubject(subjects, subject)).toEqual({ tenant: "acme", shard: 14, run: "r-1", event: "submitted" });
  });

  test("so is that of a cancellation", () => {
    expect(parseCancelSubject(subjects, subjects.cancel("acme", "r-1"))).toEqual({ tenant: "acme", run: "r-1" });
  });

  test("so is that of a task's dead letter, which is told from a request's", () => {
    const { tenant, run, task } = attempt;
    const subject = subjects.deadTask(tenant, run, task, attempt.attempt);
    expect(parseDeadTaskSubject(subjects, subject)).toEqual(attempt);
    expect(isDeadTask(subjects, subject)).toBe(true);
    expect(isDeadTask(subjects, subjects.deadRequest("tasks", 7))).toBe(false);
  });

  test.each(["run", "submit", "requests"] as const)("the type of a request is what follows after %s", (way) => {
    expect(typeOfRequest(subjects, subjects[way]("summarize"))).toBe("summarize");
    // As it came: whoever reads the request refuses it by that name.
    expect(typeOfRequest(subjects, subjects[way]("run.submit"))).toBe("run.submit");
  });
});
