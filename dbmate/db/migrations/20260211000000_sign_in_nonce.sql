-- migrate:up
alter table oauth_requests add column nonce varchar(255);

-- migrate:down
alter table oauth_requests drop column nonce;
