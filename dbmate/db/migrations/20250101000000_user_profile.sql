-- migrate:up
alter table users
    add column name text,
    add column created_at timestamp default current_timestamp,
    add column last_login timestamp default current_timestamp;

-- migrate:down
alter table users
    drop column last_login,
    drop column created_at,
    drop column name;
