import { render } from "preact";
import { App } from "../app.tsx";
import { createFake } from "./fake.ts";
import "../../styles.css";

render(<App createCall={createFake} />, document.getElementById("app")!);
