/** Responses whose event stream has ended with its marker. */
const ended = new WeakSet<Response>();

const MARKER = /(?:^|[\r\n])data: ?\[DONE\]/;
/** Bytes that are kept of a chunk, since the marker may stand across two. */
const KEPT = 16;

/** Whether the event stream of that response has ended with `data: [DONE]`, and was not cut before. */
export const hasEnded = (response: Response): boolean => ended.has(response);

/** A fetch that notes the marker, about which the SDK says nothing: without it a cut stream looks like a whole one. */
export function noteStreamEnds(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    if (!response.body || !response.headers.get("content-type")?.startsWith("text/event-stream")) return response;
    let tail = "";
    const watched = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          tail += Buffer.from(chunk).toString("latin1");
          if (MARKER.test(tail)) ended.add(noted);
          tail = tail.slice(-KEPT);
          controller.enqueue(chunk);
        },
      }),
    );
    const { status, statusText, headers } = response;
    const noted = new Response(watched, { status, statusText, headers });
    return noted;
  };
}
