-- migrate:up
-- Which engine took a session in: with the time of receipt it makes places in the stream of a
-- node that other nodes can go on from.
alter table telemetry_sessions add column engine bigint not null default 0;
create index idx_telemetry_sessions_engine on telemetry_sessions (engine, id);

-- migrate:down
drop index idx_telemetry_sessions_engine;
alter table telemetry_sessions drop column engine;
