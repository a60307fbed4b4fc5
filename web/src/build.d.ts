// What build.mjs provides.

/** Hashed paths of the scripts that run outside the page, by the keys of build.mjs. */
declare const __SCRIPTS__: Record<
  "clock" | "encode" | "see" | "speak" | "hear" | "playout" | "capture",
  string
>;

declare module "*.css";
