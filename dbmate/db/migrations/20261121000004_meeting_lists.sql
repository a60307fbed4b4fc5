-- migrate:up
-- Whoever was in many meetings has their list read without a look at the rows themselves:
-- when they were in which, and what its place in the list depends on.
create index idx_meeting_participants_of_user on meeting_participants (user_id, admitted_at desc, meeting_id desc)
    where admitted_at is not null;
create index idx_meetings_activity on meetings (id) include (state, created_at, started_at, ended_at)
    where deleted_at is null;
create index idx_meetings_gone on meetings (id) where deleted_at is not null;

-- migrate:down
drop index idx_meetings_gone;
drop index idx_meetings_activity;
drop index idx_meeting_participants_of_user;
