-- migrate:up
-- One row per connection that entered a room. Who has two tabs open has two rows here and
-- one in session_participants.
create table sessions (
    -- An unsigned 64-bit number: numeric, because bigint would show half of them negative,
    -- unlike logs and packets do.
    session_id numeric(20) primary key,
    room_id varchar(255) not null,
    user_id varchar(255) not null,
    display_name text not null,
    node_id text not null,
    transport text not null,
    instance text not null,
    entered_at timestamptz not null,
    left_at timestamptz
);

create index idx_sessions_open_by_room on sessions (room_id, user_id) where left_at is null;
create index idx_sessions_open_by_node on sessions (node_id) where left_at is null;

-- Without a session nobody is there: such rows were left by a server that crashed.
update session_participants set left_at = now() where left_at is null;

-- migrate:down
drop table sessions;
