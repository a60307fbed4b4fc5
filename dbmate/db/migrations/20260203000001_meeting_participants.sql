-- migrate:up
-- Who asked to be let into which meeting, and what became of it.
create table meeting_participants (
    id serial primary key,
    meeting_id integer not null references meetings (id) on delete cascade,
    email varchar(255) not null,
    status varchar(50) not null default 'waiting',
    is_host boolean not null default false,
    is_required boolean not null default false,
    joined_at timestamptz not null default now(),
    admitted_at timestamptz,
    left_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint chk_participant_status check (status in ('waiting', 'admitted', 'rejected', 'left')),
    constraint uq_meeting_participant unique (meeting_id, email)
);

create index idx_meeting_participants_meeting_id on meeting_participants (meeting_id);
create index idx_meeting_participants_email on meeting_participants (email);
create index idx_meeting_participants_status on meeting_participants (status);

create trigger update_meeting_participants_updated_at
    before update on meeting_participants
    for each row execute function update_updated_at_column();

-- migrate:down
drop table meeting_participants;
