// Server-sent events from a stream of bytes: EventSource itself cannot send a token.

/** The names of events as they arrive; "message" for one without. */
export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const text = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  let name = "";
  let data = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + text.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop()!;
      for (const line of lines) {
        if (line === "") {
          if (data) yield name || "message";
          name = "";
          data = false;
        } else if (line.startsWith("event:")) {
          name = line.slice(6).trim();
        } else if (line.startsWith("data:")) {
          data = true;
        }
      }
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}
