-- migrate:up
-- Counts the changes below. Whoever changes something takes the lock of the row first, so
-- revisions become visible in their order.
create table flag_revision (
    id boolean primary key default true,
    revision bigint not null default 0,
    constraint chk_flag_revision_single check (id)
);
insert into flag_revision default values;

-- What admins have set. Without a room it holds for everyone.
create table flag_values (
    flag varchar(64) not null,
    room_id varchar(255),
    value text not null
);

create unique index idx_flag_values_place on flag_values (flag, coalesce(room_id, ''));

-- Who changed what, when and why. Without a value before, or after, none was set.
create table flag_changes (
    revision bigint primary key,
    changed_at timestamptz not null default clock_timestamp(),
    changed_by text not null,
    flag varchar(64) not null,
    room_id varchar(255),
    value_before text,
    value_after text,
    reason text not null
);

create index idx_flag_changes_by_flag on flag_changes (flag, revision desc);

create function refuse_change_of_record() returns trigger as $$
begin
    raise exception '% can only be added to', tg_table_name;
end;
$$ language plpgsql;

create trigger flag_changes_are_kept
    before update or delete or truncate on flag_changes
    for each statement execute function refuse_change_of_record();

-- migrate:down
drop table flag_changes;
drop function refuse_change_of_record;
drop table flag_values;
drop table flag_revision;
