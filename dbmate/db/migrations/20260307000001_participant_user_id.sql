-- migrate:up
-- The column always held the subject of a token, which need not be an address.
alter table meeting_participants rename column email to user_id;
alter table meeting_participants rename constraint uq_meeting_participant to uq_meeting_participant_user;
alter index idx_meeting_participants_email rename to idx_meeting_participants_user_id;

-- migrate:down
alter index idx_meeting_participants_user_id rename to idx_meeting_participants_email;
alter table meeting_participants rename constraint uq_meeting_participant_user to uq_meeting_participant;
alter table meeting_participants rename column user_id to email;
