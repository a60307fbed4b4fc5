import { render } from "preact";
import { Server } from "../../server/server.ts";
import { App } from "../app.tsx";
import { createFake } from "./fake.ts";
import "../../styles.css";

render(<App server={new Server()} createCall={createFake} />, document.getElementById("app")!);
