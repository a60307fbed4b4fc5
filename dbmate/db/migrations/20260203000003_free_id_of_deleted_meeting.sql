-- migrate:up
-- A deleted meeting keeps its row but not its id.
alter table meetings drop constraint meetings_room_id_key;
create unique index idx_meetings_room_id_unique_active on meetings (room_id) where deleted_at is null;

-- migrate:down
-- Fails when an id was used again; which of its meetings to forget is for a person to say.
drop index idx_meetings_room_id_unique_active;
alter table meetings add constraint meetings_room_id_key unique (room_id);
