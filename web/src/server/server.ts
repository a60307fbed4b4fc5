// Everything that a page asks the server, with one identity.
import { Account } from "./account.ts";
import { Admin } from "./admin.ts";
import { Door } from "./door.ts";
import { Http, type Fetch } from "./http.ts";
import { Keys } from "./keys.ts";
import { Meetings } from "./meetings.ts";
import { Telemetry } from "./telemetry.ts";

export class Server {
  readonly http: Http;
  readonly account: Account;
  readonly meetings: Meetings;
  readonly admin: Admin;
  readonly telemetry: Telemetry;
  readonly door: Door;

  constructor(keys = new Keys(), fetch?: Fetch) {
    this.http = new Http(keys, fetch);
    this.account = new Account(this.http);
    this.meetings = new Meetings(this.http);
    this.admin = new Admin(this.http);
    this.telemetry = new Telemetry(this.http);
    this.door = new Door(this.http);
  }
}
