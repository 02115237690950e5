import { createHash } from "node:crypto";

/**
 * The names of the blobs for parts that are too large for a task message. They follow from the attempt, so that the
 * owner of the run can refresh them while the message waits on the queue.
 */
export function attemptBlobs({ reply, task, attempt }: { reply: string; task: string; attempt: number }) {
  const nameOf = (part: string) =>
    createHash("sha256").update(`${reply} ${task} ${attempt} ${part}`).digest("base64url");
  return { input: nameOf("input"), needs: nameOf("needs"), parts: nameOf("parts") };
}
