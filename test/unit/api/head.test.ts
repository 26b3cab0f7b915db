import { expect, test } from "vitest";
import { createApp } from "../../../src/api/app.ts";
import { FixtureRouter } from "../../fixtures/router.ts";

test.each(["/v1/status", "/metrics", "/openapi.json", "/", "/v1/nothing"])(
  "HEAD %s is answered as GET is, without the content",
  async (path) => {
    const app = createApp(new FixtureRouter(), { listen: { kind: "unix" } });
    // Over a real connection: the server has its own opinion of the length.
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => app.fetch(request),
    );
    const get = await exchange(server.addr.port, "GET", path);
    const head = await exchange(server.addr.port, "HEAD", path);
    expect(get.content.length).toBeGreaterThan(50);
    expect(head.content.length).toBe(0);
    expect(head.length).toBe(get.content.length);
    expect(head.status).toBe(get.status);
  },
);

async function exchange(port: number, method: string, path: string) {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  await connection.write(new TextEncoder().encode(request));
  const bytes = await new Response(connection.readable).bytes();
  const text = new TextDecoder("latin1").decode(bytes);
  const end = text.indexOf("\r\n\r\n");
  const head = text.slice(0, end);
  return {
    status: head.split("\r\n")[0],
    length: Number(/^content-length: (\d+)$/im.exec(head)?.[1]),
    content: text.slice(end + 4),
  };
}
