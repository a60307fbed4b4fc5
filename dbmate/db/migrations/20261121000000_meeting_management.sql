-- migrate:up
alter table meetings
    add column locked boolean not null default false,
    add column attendees_only boolean not null default false,
    -- Who declared the end. Null: the last one's connection was gone, and whoever comes back
    -- soon goes on.
    add column ended_by varchar(255);

alter table meeting_participants
    add column banned boolean not null default false;

-- Lists: of an owner by age, and of whoever took part.
create index idx_meetings_of_creator on meetings (creator_id, created_at desc, id desc) where deleted_at is null;
create index idx_meetings_deleted on meetings (room_id, deleted_at) where deleted_at is not null;
create index idx_meeting_participants_present on meeting_participants (meeting_id) where status = 'admitted' and left_at is null;
create index idx_meeting_participants_waiting on meeting_participants (meeting_id) where status = 'waiting';

-- migrate:down
drop index idx_meeting_participants_waiting;
drop index idx_meeting_participants_present;
drop index idx_meetings_deleted;
drop index idx_meetings_of_creator;
alter table meeting_participants drop column banned;
alter table meetings
    drop column ended_by,
    drop column attendees_only,
    drop column locked;
