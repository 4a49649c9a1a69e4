/**
 * The floor: a handler that reads the body and answers. `deno run -A reader.ts PORT`.
 *
 * @module
 */

Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen: () => {} }, async (request) => {
  await request.arrayBuffer();
  return new Response('{"ok":1}');
});
