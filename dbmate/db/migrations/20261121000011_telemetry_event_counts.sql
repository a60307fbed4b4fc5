-- migrate:up
-- How many events came, whatever became of them: counting those on record takes long.
alter table telemetry_sessions add column events bigint not null default 0;

-- migrate:down
alter table telemetry_sessions drop column events;
