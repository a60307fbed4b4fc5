-- migrate:up
-- Records of connections that ended are deleted by age.
create index idx_sessions_left on sessions (left_at) where left_at is not null;

-- migrate:down
drop index idx_sessions_left;
