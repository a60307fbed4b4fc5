-- migrate:up
alter table meetings add column host_display_name varchar(255);
alter table meeting_participants add column display_name varchar(255);

-- migrate:down
alter table meeting_participants drop column display_name;
alter table meetings drop column host_display_name;
