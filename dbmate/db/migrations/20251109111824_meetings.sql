-- migrate:up
create table meetings (
    id serial primary key,
    room_id varchar(255) not null unique,
    started_at timestamptz not null,
    ended_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    creator_id varchar(255)
);

create index idx_meetings_room_id on meetings (room_id);
create index idx_meetings_creator_id on meetings (creator_id);

create function update_updated_at_column() returns trigger language plpgsql as $$
begin
    new.updated_at = now();
    return new;
end
$$;

create trigger update_meetings_updated_at
    before update on meetings
    for each row execute function update_updated_at_column();

-- migrate:down
drop table meetings;
drop function update_updated_at_column();
