-- migrate:up
-- How many of its events a node has entered into roll-ups, so that whoever finds what it had
-- put down when it was killed knows which are missing there.
create table telemetry_writers (
    id bigint primary key,
    rows bigint not null,
    counted_at timestamptz not null
);
create index idx_telemetry_writers_counted on telemetry_writers (counted_at);

-- migrate:down
drop table telemetry_writers;
