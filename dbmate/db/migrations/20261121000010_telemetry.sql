-- migrate:up
-- Catalogues have a short number, because every event names one.
create table telemetry_catalogues (
    id smallint generated always as identity primary key,
    name varchar(32) not null unique
);

-- Who sent events at least once.
create table telemetry_sources (
    id bigint generated always as identity primary key,
    catalogue smallint not null references telemetry_catalogues (id),
    identity varchar(256) not null,
    labels jsonb not null,
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    constraint uq_telemetry_sources unique (catalogue, identity)
);
create index idx_telemetry_sources_last_seen on telemetry_sources (last_seen, id);

-- Their connections. The node that has one says so now and then in alive_at: who comes upon
-- one that nobody spoke of for long ends it.
create table telemetry_sessions (
    id bigint primary key,
    source bigint not null references telemetry_sources (id) on delete cascade,
    scope varchar(256) not null,
    version integer not null,
    labels jsonb not null,
    parameters jsonb not null,
    began_at timestamptz not null,
    alive_at timestamptz not null,
    ended_at timestamptz,
    reason varchar(1024)
);
create index idx_telemetry_sessions_source on telemetry_sessions (source, id);
create index idx_telemetry_sessions_scope on telemetry_sessions (scope, id);
create index idx_telemetry_sessions_alive on telemetry_sessions (alive_at) where ended_at is null;

-- Events, by how long they are kept and by the day on which they came. The tables of the days
-- are made and dropped by the nodes. What came twice has the same key.
create table telemetry_events (
    session bigint not null,
    seq bigint not null,
    received_at timestamptz not null,
    at timestamptz not null,
    kind integer not null,
    catalogue smallint not null,
    class smallint not null,
    link bigint,
    number bigint,
    number2 bigint,
    subject bytea,
    body bytea not null,
    primary key (session, seq, received_at, class)
) partition by list (class);
create table telemetry_events_sample partition of telemetry_events for values in (1) partition by range (received_at);
create table telemetry_events_meta partition of telemetry_events for values in (2) partition by range (received_at);
create table telemetry_events_lifecycle partition of telemetry_events for values in (3) partition by range (received_at);
create table telemetry_events_failure partition of telemetry_events for values in (4) partition by range (received_at);
create index idx_telemetry_events_received on telemetry_events (received_at);
create index idx_telemetry_events_subject on telemetry_events (subject, received_at) where subject is not null;

-- Events that the database refused, for somebody to look at.
create table telemetry_quarantine (
    session bigint not null,
    seq bigint not null,
    received_at timestamptz not null,
    kind integer not null,
    reason varchar(256) not null,
    body bytea not null,
    primary key (session, seq)
);
create index idx_telemetry_quarantine_received on telemetry_quarantine (received_at);

-- Events that are not stored: how many of which numbers, and why. Entries are numbered within
-- their session.
create table telemetry_losses (
    session bigint not null,
    entry bigint not null,
    cause smallint not null,
    first_seq numeric(20) not null,
    last_seq numeric(20) not null,
    count numeric(20) not null,
    noted_at timestamptz not null,
    primary key (session, entry)
);
create index idx_telemetry_losses_noted on telemetry_losses (noted_at, session, entry);

-- Counts and sums per minute. Each node writes its own totals of a minute until that is over;
-- they are added when read. kind -1 is all kinds of one source.
create table telemetry_rollups (
    bucket timestamptz not null,
    catalogue smallint not null,
    kind integer not null,
    scope varchar(256) not null,
    source varchar(256) not null,
    dimension varchar(256) not null,
    measure varchar(64) not null,
    writer bigint not null,
    count bigint not null,
    sum double precision not null,
    histogram bytea,
    primary key (bucket, catalogue, kind, scope, source, dimension, measure, writer)
) partition by range (bucket);

-- migrate:down
drop table telemetry_rollups;
drop table telemetry_losses;
drop table telemetry_quarantine;
drop table telemetry_events;
drop table telemetry_sessions;
drop table telemetry_sources;
drop table telemetry_catalogues;
