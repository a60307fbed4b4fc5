// Package telemetry takes in events, keeps them in a database and shows them live.
//
// It knows neither calls nor nodes of a chain: what an event means is in a [Catalogue].
//
//   - A source is who sends events: a media server, a person's device, a node of a network.
//   - A session is one connection of a source. It numbers its events from 0, and events
//     refer to earlier ones of the same session by number.
//   - A record is one event as it came: its bytes, and the few values that are looked for.
//   - A feed is the way in of one session.
//   - The ledger of a session says which events are not stored, how many, and why.
//
// Everything that was handed to a feed is either stored or in the ledger.
package telemetry
