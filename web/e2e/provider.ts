// An OpenID provider, in a process of its own, and a node that people sign in to with it.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { ParleyNode } from "./node.ts";
import { folder, meant, ownNode } from "./world.ts";

export interface Provided {
  node: ParleyNode;
  issuer: string; // with a slash at the end
  close(): Promise<void>;
}

export async function provided(): Promise<Provided> {
  const program = join(folder, "openid");
  const source = resolve(process.env["PARLEY_BIN"]!, "../../.ci/openid");
  const made = spawnSync("go", ["build", "-o", program, "."], { cwd: source, stdio: "inherit" });
  if (made.status !== 0) throw new Error("the provider was not built");

  // The provider has to know where people come back to before the node has an address.
  let node: ParleyNode | undefined;
  const back: Server = createServer((request, answer) => {
    answer.writeHead(302, { location: `${node!.url}${request.url}` }).end();
  });
  back.listen(0, "127.0.0.1");
  await once(back, "listening");
  const callback = `http://127.0.0.1:${(back.address() as AddressInfo).port}/login/callback`;

  const run: ChildProcess = spawn(program, ["--redirect", callback], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(run, "close");
  const [issuer] = (await once(createInterface(run.stdout!), "line")) as [string];
  meant.add(issuer);
  meant.add(callback);
  node = await ownNode("provided", {
    OAUTH_ISSUER: issuer,
    OAUTH_CLIENT_ID: "parley",
    OAUTH_SECRET: "secret&more=",
    OAUTH_REDIRECT_URL: callback,
  });
  return {
    node,
    issuer,
    close: async () => {
      run.stdin!.end();
      back.close();
      await ended;
    },
  };
}
