-- migrate:up
create table users (
    email varchar(255) primary key,
    access_token text,
    refresh_token text
);

-- One row per sign-in that was begun and not yet finished.
create table oauth_requests (
    pkce_challenge text,
    pkce_verifier text,
    csrf_state text
);

-- migrate:down
drop table oauth_requests;
drop table users;
