-- migrate:up
-- Who is in which room, one row per person: left_at is null while at least one of their
-- connections is there.
create table session_participants (
    id serial primary key,
    room_id varchar(255) not null,
    user_id varchar(255) not null,
    joined_at timestamptz not null default now(),
    left_at timestamptz,
    created_at timestamptz not null default now(),
    unique (room_id, user_id)
);

create index idx_session_participants_room_id on session_participants (room_id);
create index idx_session_participants_active on session_participants (room_id) where left_at is null;

-- migrate:down
drop table session_participants;
