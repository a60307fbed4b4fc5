-- migrate:up
-- Engines of which all that they took in is on record. Of one that was killed it is not until
-- whoever starts after it has stored what it left.
create table telemetry_finished (
    engine bigint primary key,
    at timestamptz not null
);
create index idx_telemetry_finished_at on telemetry_finished (at);

-- migrate:down
drop table telemetry_finished;
