// Package catalogue says what events there are, as data: two text files, jip3.txt for nodes
// that speak JIP-3 and call.txt for calls, and one codec that reads and writes all their
// kinds by the table.
//
//	Catalogue  the kinds one sort of source emits, by number
//	Kind       one sort of event: name, group, class, and the fields of its body
//	Type       how a field is written: bytes on the wire, JSON for people
//	Params     what the sender of a body said once that its bytes depend on
//	link       a field that names an earlier event of the same session by its number
//	role       what a value is to its event: the subject it is found by, where in a count it is
//
// A body is the bytes of an event without time and number of its kind. It is decoded
// exactly: nothing may be missing, nothing may follow. Every declared length is compared
// with its limit and with the bytes that are there before anything is allocated, and types
// cannot contain themselves, so neither memory nor depth is the sender's choice.
//
// Everything here is immutable after package initialisation and safe for concurrent use.
package catalogue
