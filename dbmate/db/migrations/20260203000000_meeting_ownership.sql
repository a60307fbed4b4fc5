-- migrate:up
alter table meetings
    add column password_hash varchar(255), -- Argon2, PHC string
    add column state varchar(50) not null default 'idle',
    add column attendees jsonb not null default '[]',
    add constraint chk_meeting_state check (state in ('idle', 'active', 'ended')),
    add constraint chk_attendees_max_100 check (jsonb_array_length(attendees) <= 100);

create index idx_meetings_state on meetings (state);

-- migrate:down
alter table meetings
    drop column attendees,
    drop column state,
    drop column password_hash;
