-- migrate:up
alter table oauth_requests add column return_to text;

-- migrate:down
alter table oauth_requests drop column return_to;
