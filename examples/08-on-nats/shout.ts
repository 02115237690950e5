/** The contract that client and worker share, without the handler. */
import { z } from "zod";
import { task } from "../../src/index.ts";

export const shout = task("shout", { input: z.object({ text: z.string() }), output: z.object({ text: z.string() }) });

export const bus = process.env.NATS_URL ?? "nats://127.0.0.1:4222";
