-- migrate:up
-- What came twice has the same session and number, and lies in the same table of a day: a key
-- for each of these, which the nodes make with them, is a third smaller than one for all. Of
-- a subject there are many events, so that it need not be in the index again with each time.
alter table telemetry_events drop constraint telemetry_events_pkey;
do $$
declare leaf regclass;
begin
    for leaf in select relid from pg_partition_tree('telemetry_events') where isleaf loop
        execute format('create unique index %I on %s (session, seq)', (select relname from pg_class where oid = leaf) || '_key', leaf);
    end loop;
end $$;
drop index idx_telemetry_events_subject;
create index idx_telemetry_events_subject on telemetry_events (subject) where subject is not null;

-- migrate:down
drop index idx_telemetry_events_subject;
create index idx_telemetry_events_subject on telemetry_events (subject, received_at) where subject is not null;
do $$
declare leaf name;
begin
    for leaf in select relname from pg_partition_tree('telemetry_events') t join pg_class c on c.oid = t.relid where isleaf loop
        execute format('drop index %I', leaf || '_key');
    end loop;
end $$;
alter table telemetry_events add primary key (session, seq, received_at, class);
