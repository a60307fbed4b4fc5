-- migrate:up
alter table meetings add column waiting_room_enabled boolean not null default true;

-- migrate:down
alter table meetings drop column waiting_room_enabled;
