import type { Command } from "commander";
import type { LogEntry } from "../app.ts";
import type { Json } from "../core/json.ts";
import { ROOT } from "../core/names.ts";
import { addExamples } from "./command.ts";
import { addCommon, type CommonOptions, JSON_LINES, requireBus, tenantOf } from "./options.ts";
import { formatClock, printJson, printLines } from "./output.ts";
import { asText, oneLine, paintFor, shorten } from "./style.ts";

export function configure(command: Command): void {
  addCommon(command.argument("RUN", "the run's id"), JSON_LINES).action(log);
  addExamples(command, "log 0VJ8kXkq3fT2 --bus nats://127.0.0.1:4222", "log 0VJ8kXkq3fT2 --json | jq -c .body");
}

async function log(run: string, options: CommonOptions): Promise<void> {
  const bus = requireBus(options);
  const { openClient } = await import("./session.ts");
  await using session = await openClient(bus);
  const entries = await session.app.log(run, tenantOf(options));
  if (options.json) return entries.forEach(printJson);
  const paint = paintFor(process.stdout);
  const width = String(entries.at(-1)?.sequence ?? 0).length;
  printLines(
    entries.flatMap((entry) => {
      const head = `${paint("dim", String(entry.sequence).padStart(width))}  ${paint("dim", formatClock(entry.at))}  ${paint("bold", oneLine(entry.event).padEnd(9))}`;
      return describeEntry(entry).map((line) => `${head}  ${line}`);
    }),
  );
}

type Fields = { readonly [key: string]: Json };
const fieldsOf = (value: Json | undefined): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};

/** Any value from the bus as part of one line. */
const word = (value: unknown): string => oneLine(asText(value));
const brief = (value: Json | undefined) => shorten(oneLine(JSON.stringify(value) ?? ""), 100);

/** Describes an event for the user: one line, or one for each result. */
export function describeEntry({ event, body }: LogEntry): string[] {
  const fields = fieldsOf(body);
  switch (event) {
    case "submitted":
      return [`${word(fields.type)} ${fields.inputRef ? "(input in the object store)" : brief(fields.input)}`];
    case "result":
      return (Array.isArray(fields.results) ? (fields.results as readonly Json[]) : []).map((one) =>
        describeResult(fieldsOf(one)),
      );
    case "deferred": {
      const until = fields.until === undefined ? "" : ` until ${word(fields.until)}`;
      const after = fields.retryAfterMs === undefined ? "" : ` for ${word(fields.retryAfterMs)} ms`;
      const why = fields.why ? `: ${word(fields.why)}` : "";
      return [`task ${word(fields.task)}, attempt ${word(fields.attempt)}: not now${until}${after}${why}`];
    }
    case "replan": {
      const what = fields.changeRef ? "(in the object store)" : brief(fields.change ?? null);
      return [`task ${word(fields.task)}: ${fields.error === undefined ? what : word(fields.error)}`];
    }
    case "signal": {
      const by = fields.by ? ` by ${word(fields.by)}` : "";
      return [`to ${word(fields.to)}${by}: ${fields.dataRef ? "(in the object store)" : brief(fields.data ?? null)}`];
    }
    case "answered":
      return [`${word(fields.task)}: ${describeAnswer(fields)}`];
    case "lost": {
      const how = fields.gone === true ? "is gone" : "does not answer";
      const alone = fields.alone === true ? ", and was executing nothing else" : "";
      return [
        `task ${word(fields.task)}, attempt ${word(fields.attempt)}: worker ${word(fields.worker)} ${how}${alone}`,
      ];
    }
    case "due":
      return [`${word(fields.what)} of task ${word(fields.task)}, attempt ${word(fields.attempt)}`];
    case "cancel":
    case "pause":
    case "resume":
      return [describeAsked(fields)];
    case "mark": {
      const { skip, fail, output, outputRef } = fields;
      const as =
        fail !== undefined
          ? `failed: ${word(fail)}`
          : skip
            ? "skipped"
            : `succeeded: ${outputRef ? "(in the object store)" : brief(output ?? null)}`;
      return [`${describeAsked(fields)} as ${as}`];
    }
    case "redrive": {
      const attempt = fields.attempt === undefined ? "" : `, whose attempt ${word(fields.attempt)} had failed`;
      const by = fields.by ? ` by ${word(fields.by)}` : "";
      return [`task ${word(fields.task)}${attempt}${by}${fields.reason ? `: ${word(fields.reason)}` : ""}`];
    }
    case "ended": {
      const error = fieldsOf(fields.error).message;
      return [`${word(fields.status)}${error ? `: ${word(error)}` : ""} ${brief(fields.totals)}`];
    }
    case "carried": {
      const { events } = fields;
      const count = typeof events === "number" ? `${events} ${events === 1 ? "event" : "events"}` : undefined;
      return [`${count ?? "events in the object store"}, before ${word(fields.upTo)}`];
    }
    default:
      return [brief(body)];
  }
}

function describeAnswer(answer: Fields): string {
  const signal = `the signal ${word(answer.signal)}`;
  if (answer.refused !== undefined) return `does not take ${signal}: ${word(answer.refused)}`;
  return answer.signal === undefined ? describeOutcome(answer) : `takes ${signal}`;
}

/** What was asked for from outside: of which task, by whom, and why. */
function describeAsked({ task, by, reason }: Fields): string {
  const which = task === undefined || task === ROOT ? "the run" : `task ${word(task)}`;
  return `${which}${by ? ` by ${word(by)}` : ""}${reason ? `: ${word(reason)}` : ""}`;
}

function describeResult(result: Fields): string {
  const attempt = typeof result.attempt === "number" && result.attempt > 1 ? ` (attempt ${result.attempt})` : "";
  return `${word(result.task)}${attempt}: ${describeOutcome(result)}`;
}

function describeOutcome(result: Fields): string {
  if (result.error) {
    const { kind, name, message } = fieldsOf(result.error);
    return `${word(kind)} error: ${typeof name === "string" && name !== "Error" ? `${oneLine(name)}: ` : ""}${word(message)}`;
  }
  if (result.plan) {
    const keys = Object.keys(fieldsOf(fieldsOf(result.plan).tasks));
    return `plan of ${keys.length.toLocaleString("en")}: ${shorten(keys.join(", "), 80)}`;
  }
  if (result.planRef) return "plan (in the object store)";
  return result.outputRef ? "output (in the object store)" : `output ${brief(result.output)}`;
}
