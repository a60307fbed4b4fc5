import { render } from "preact";
import { createCall } from "./call/call.ts";
import { Server } from "./server/server.ts";
import { App } from "./ui/app.tsx";
import "./styles.css";

const server = new Server();
render(<App server={server} createCall={() => createCall(server)} />, document.getElementById("app")!);
