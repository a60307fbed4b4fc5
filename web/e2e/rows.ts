// Reads PostgreSQL, with the psql that comes with its server.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { ParleyNode } from "./node.ts";

/** The rows of a query, as objects. */
export function rows<Row>(node: ParleyNode, query: string): Row[] {
  const url = new URL(node.ready.database_url);
  const out = execFileSync(psql(), ["--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", `select coalesce(json_agg(r), '[]') from (${query}) r`], {
    encoding: "utf8",
    env: {
      ...process.env,
      PGHOST: decodeURIComponent(url.searchParams.get("host") ?? url.hostname),
      PGPORT: url.port,
      PGUSER: decodeURIComponent(url.username),
      PGPASSWORD: decodeURIComponent(url.password),
      PGDATABASE: url.pathname.slice(1),
    },
  });
  return JSON.parse(out) as Row[];
}

function psql(): string {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((v) => join(debian, v, "bin")), ...(process.env["PATH"] ?? "").split(delimiter)];
  const found = folders.map((f) => join(f, "psql")).find((path) => existsSync(path));
  if (!found) throw new Error("psql is missing: apt-get install postgresql-client");
  return found;
}
