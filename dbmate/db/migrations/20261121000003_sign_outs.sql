-- migrate:up
-- Counts the rows that were ever added below. Whoever adds one takes the lock of this row
-- first, so revisions become visible in their order.
create table sign_out_revision (
    id boolean primary key default true,
    revision bigint not null default 0,
    constraint chk_sign_out_revision_single check (id)
);
insert into sign_out_revision default values;

-- Sign-ins that were ended, by the id in their token or by its hash; never the token. When it
-- would have expired by itself, a row is of no use any more.
create table sign_outs (
    session_id varchar(64) primary key,
    revision bigint not null unique,
    made_at timestamptz not null default clock_timestamp(),
    keep_until timestamptz not null
);

create index idx_sign_outs_keep_until on sign_outs (keep_until);

-- migrate:down
drop table sign_outs;
drop table sign_out_revision;
