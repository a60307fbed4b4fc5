-- migrate:up
-- A database of the development branch of the older backend has some of this already.
alter table meetings
    add column if not exists admitted_can_admit boolean not null default false,
    add column if not exists allow_guests boolean not null default false,
    add column if not exists end_on_host_leave boolean not null default false,
    add column if not exists recording_allowed_for_all boolean not null default false;

alter table meeting_participants
    add column if not exists is_guest boolean not null default false,
    drop constraint chk_participant_status,
    add constraint chk_participant_status
        check (status in ('waiting', 'admitted', 'rejected', 'left', 'kicked'));

-- migrate:down
-- Before, somebody removed by the host could only be called rejected.
update meeting_participants set status = 'rejected' where status = 'kicked';

alter table meeting_participants
    drop constraint chk_participant_status,
    add constraint chk_participant_status
        check (status in ('waiting', 'admitted', 'rejected', 'left')),
    drop column is_guest;

alter table meetings
    drop column recording_allowed_for_all,
    drop column end_on_host_leave,
    drop column allow_guests,
    drop column admitted_can_admit;
