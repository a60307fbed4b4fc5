-- migrate:up
-- Nodes that people are connected to say now and then that they live: when one is gone, whoever records
-- the departures of its people knows until when they may have been there.
create table nodes (
    node_id text primary key,
    alive_at timestamptz not null
);

-- migrate:down
drop table nodes;
