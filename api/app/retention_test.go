package app_test

import "testing"

// What is kept of connections is the operator's choice.
func TestOldSessionsAreForgotten(t *testing.T) {
	c := newCluster(t)
	c.start()
	room := newRoom()
	const old = `insert into sessions
		select n, $1, 'ada', '', 'n-gone', 'websocket', '', now() - interval '9 days', now() - n * interval '23 hours'
		from generate_series(1, 3) n returning 1`
	sql[int](c, old, room)
	c.env = map[string]string{"PARLEY_SESSION_DAYS": "2"}
	c.start()
	eventually(c, 2, "select count(*) from sessions where room_id = $1", room)
}
