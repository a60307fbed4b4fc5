import { render } from "preact";
import { createCall } from "./call/call.ts";
import { App } from "./ui/app.tsx";
import "./styles.css";

render(<App createCall={createCall} />, document.getElementById("app")!);
