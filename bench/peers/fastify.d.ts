/** The few words of Fastify that the bench uses, so that types can be checked before the peers are installed. */
declare module "fastify" {
  interface Request {
    readonly params: { readonly id: string };
    readonly headers: Readonly<Record<string, string | undefined>>;
  }
  interface Reply {
    code(status: number): Reply;
    send(body: unknown): Reply;
  }
  interface Fastify {
    get(
      path: string,
      options: { schema: object; onRequest(request: Request, reply: Reply): Promise<unknown> },
      handler: (request: Request, reply: Reply) => Promise<unknown>,
    ): void;
    listen(options: { host: string; port: number }): Promise<string>;
  }
  export default function fastify(): Fastify;
}
