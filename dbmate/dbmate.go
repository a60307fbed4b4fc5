// Package dbmate holds the migrations of the database, in the format of the tool of that
// name. Those before 20261120 have the ids of the backend that Parley takes the place of:
// a database it migrated is recognised, and only what is newer is applied.
//
// db/schema.sql is what they add up to. A test compares, and rewrites it with -update.
package dbmate

import "embed"

// Migrations are the files in [Dir].
//
//go:embed db/migrations/*.sql
var Migrations embed.FS

// Dir is where the files are in [Migrations].
const Dir = "db/migrations"
