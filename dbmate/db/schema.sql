\restrict dbmate

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: refuse_change_of_record(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_change_of_record() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception '% can only be added to', tg_table_name;
end;
$$;


--
-- Name: update_updated_at_column(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.update_updated_at_column() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    new.updated_at = now();
    return new;
end
$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: flag_changes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.flag_changes (
    revision bigint NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    changed_by text NOT NULL,
    flag character varying(64) NOT NULL,
    room_id character varying(255),
    value_before text,
    value_after text,
    reason text NOT NULL
);


--
-- Name: flag_revision; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.flag_revision (
    id boolean DEFAULT true NOT NULL,
    revision bigint DEFAULT 0 NOT NULL,
    CONSTRAINT chk_flag_revision_single CHECK (id)
);


--
-- Name: flag_values; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.flag_values (
    flag character varying(64) NOT NULL,
    room_id character varying(255),
    value text NOT NULL
);


--
-- Name: meeting_participants; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.meeting_participants (
    id integer NOT NULL,
    meeting_id integer NOT NULL,
    user_id character varying(255) NOT NULL,
    status character varying(50) DEFAULT 'waiting'::character varying NOT NULL,
    is_host boolean DEFAULT false NOT NULL,
    is_required boolean DEFAULT false NOT NULL,
    joined_at timestamp with time zone DEFAULT now() NOT NULL,
    admitted_at timestamp with time zone,
    left_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    display_name character varying(255),
    is_guest boolean DEFAULT false NOT NULL,
    banned boolean DEFAULT false NOT NULL,
    CONSTRAINT chk_participant_status CHECK (((status)::text = ANY ((ARRAY['waiting'::character varying, 'admitted'::character varying, 'rejected'::character varying, 'left'::character varying, 'kicked'::character varying])::text[])))
);


--
-- Name: meeting_participants_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.meeting_participants_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: meeting_participants_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.meeting_participants_id_seq OWNED BY public.meeting_participants.id;


--
-- Name: meetings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.meetings (
    id integer NOT NULL,
    room_id character varying(255) NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    creator_id character varying(255),
    password_hash character varying(255),
    state character varying(50) DEFAULT 'idle'::character varying NOT NULL,
    attendees jsonb DEFAULT '[]'::jsonb NOT NULL,
    host_display_name character varying(255),
    waiting_room_enabled boolean DEFAULT true NOT NULL,
    admitted_can_admit boolean DEFAULT false NOT NULL,
    allow_guests boolean DEFAULT false NOT NULL,
    end_on_host_leave boolean DEFAULT false NOT NULL,
    recording_allowed_for_all boolean DEFAULT false NOT NULL,
    locked boolean DEFAULT false NOT NULL,
    attendees_only boolean DEFAULT false NOT NULL,
    ended_by character varying(255),
    CONSTRAINT chk_attendees_max_100 CHECK ((jsonb_array_length(attendees) <= 100)),
    CONSTRAINT chk_meeting_state CHECK (((state)::text = ANY ((ARRAY['idle'::character varying, 'active'::character varying, 'ended'::character varying])::text[])))
);


--
-- Name: meetings_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.meetings_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: meetings_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.meetings_id_seq OWNED BY public.meetings.id;


--
-- Name: nodes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.nodes (
    node_id text NOT NULL,
    alive_at timestamp with time zone NOT NULL
);


--
-- Name: oauth_requests; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.oauth_requests (
    pkce_challenge text,
    pkce_verifier text,
    csrf_state text,
    return_to text,
    nonce character varying(255)
);


--
-- Name: schema_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migrations (
    version character varying NOT NULL
);


--
-- Name: session_participants; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.session_participants (
    id integer NOT NULL,
    room_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    joined_at timestamp with time zone DEFAULT now() NOT NULL,
    left_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: session_participants_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.session_participants_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: session_participants_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.session_participants_id_seq OWNED BY public.session_participants.id;


--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    session_id numeric(20,0) NOT NULL,
    room_id character varying(255) NOT NULL,
    user_id character varying(255) NOT NULL,
    display_name text NOT NULL,
    node_id text NOT NULL,
    transport text NOT NULL,
    instance text NOT NULL,
    entered_at timestamp with time zone NOT NULL,
    left_at timestamp with time zone
);


--
-- Name: sign_out_revision; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sign_out_revision (
    id boolean DEFAULT true NOT NULL,
    revision bigint DEFAULT 0 NOT NULL,
    CONSTRAINT chk_sign_out_revision_single CHECK (id)
);


--
-- Name: sign_outs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sign_outs (
    session_id character varying(64) NOT NULL,
    revision bigint NOT NULL,
    made_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    keep_until timestamp with time zone NOT NULL
);


--
-- Name: telemetry_catalogues; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.telemetry_catalogues (
    id smallint NOT NULL,
    name character varying(32) NOT NULL
);


--
-- Name: telemetry_catalogues_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.telemetry_catalogues ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.telemetry_catalogues_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: telemetry_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.telemetry_events (
    session bigint NOT NULL,
    seq bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    at timestamp with time zone NOT NULL,
    kind integer NOT NULL,
    catalogue smallint NOT NULL,
    class smallint NOT NULL,
    link bigint,
    number bigint,
    number2 bigint,
    subject bytea,
    body bytea NOT NULL
)
PARTITION BY LIST (class);


--
-- Name: telemetry_events_failure; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.telemetry_events_failure (
    session bigint NOT NULL,
    seq bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    at timestamp with time zone NOT NULL,
    kind integer NOT NULL,
    catalogue smallint NOT NULL,
    class smallint NOT NULL,
    link bigint,
    number bigint,
    number2 bigint,
    subject bytea,
    body bytea NOT NULL
)
PARTITION BY RANGE (received_at);


--
-- Name: telemetry_events_lifecycle; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.telemetry_events_lifecycle (
    session bigint NOT NULL,
    seq bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    at timestamp with time zone NOT NULL,
    kind integer NOT NULL,
    catalogue smallint NOT NULL,
    class smallint NOT NULL,
    link bigint,
    number bigint,
    number2 bigint,
    subject bytea,
    body bytea NOT NULL
)
PARTITION BY RANGE (received_at);


--
-- Name: telemetry_events_meta; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.telemetry_events_meta (
    session bigint NOT NULL,
    seq bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    at timestamp with time zone NOT NULL,
    kind integer NOT NULL,
    catalogue smallint NOT NULL,
    class smallint NOT NULL,
    link bigint,
    number bigint,
    number2 bigint,
    subject bytea,
    body bytea NOT NULL
)
PARTITION BY RANGE (received_at);


--
-- Name: telemetry_events_sample; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.telemetry_events_sample (
    session bigint NOT NULL,
    seq bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    at timestamp with time zone NOT NULL,
    kind integer NOT NULL,
    catalogue smallint NOT NULL,
    class smallint NOT NULL,
    link bigint,
    number bigint,
    number2 bigint,
    subject bytea,
    body bytea NOT NULL
)
PARTITION BY RANGE (received_at);


--
-- Name: telemetry_finished; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.telemetry_finished (
    engine bigint NOT NULL,
    at timestamp with time zone NOT NULL
);


--
-- Name: telemetry_losses; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.telemetry_losses (
    session bigint NOT NULL,
    entry bigint NOT NULL,
    cause smallint NOT NULL,
    first_seq numeric(20,0) NOT NULL,
    last_seq numeric(20,0) NOT NULL,
    count numeric(20,0) NOT NULL,
    noted_at timestamp with time zone NOT NULL
);


--
-- Name: telemetry_quarantine; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.telemetry_quarantine (
    session bigint NOT NULL,
    seq bigint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    kind integer NOT NULL,
    reason character varying(256) NOT NULL,
    body bytea NOT NULL
);


--
-- Name: telemetry_rollups; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.telemetry_rollups (
    bucket timestamp with time zone NOT NULL,
    catalogue smallint NOT NULL,
    kind integer NOT NULL,
    scope character varying(256) NOT NULL,
    source character varying(256) NOT NULL,
    dimension character varying(256) NOT NULL,
    measure character varying(64) NOT NULL,
    writer bigint NOT NULL,
    count bigint NOT NULL,
    sum double precision NOT NULL,
    histogram bytea
)
PARTITION BY RANGE (bucket);


--
-- Name: telemetry_sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.telemetry_sessions (
    id bigint NOT NULL,
    source bigint NOT NULL,
    scope character varying(256) NOT NULL,
    version integer NOT NULL,
    labels jsonb NOT NULL,
    parameters jsonb NOT NULL,
    began_at timestamp with time zone NOT NULL,
    alive_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    reason character varying(1024),
    events bigint DEFAULT 0 NOT NULL,
    engine bigint DEFAULT 0 NOT NULL
);


--
-- Name: telemetry_sources; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.telemetry_sources (
    id bigint NOT NULL,
    catalogue smallint NOT NULL,
    identity character varying(256) NOT NULL,
    labels jsonb NOT NULL,
    first_seen timestamp with time zone NOT NULL,
    last_seen timestamp with time zone NOT NULL
);


--
-- Name: telemetry_sources_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.telemetry_sources ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.telemetry_sources_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: telemetry_writers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.telemetry_writers (
    id bigint NOT NULL,
    rows bigint NOT NULL,
    counted_at timestamp with time zone NOT NULL
);


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    email character varying(255) NOT NULL,
    access_token text,
    refresh_token text,
    name text,
    created_at timestamp without time zone DEFAULT CURRENT_TIMESTAMP,
    last_login timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);


--
-- Name: telemetry_events_failure; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_events ATTACH PARTITION public.telemetry_events_failure FOR VALUES IN ('4');


--
-- Name: telemetry_events_lifecycle; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_events ATTACH PARTITION public.telemetry_events_lifecycle FOR VALUES IN ('3');


--
-- Name: telemetry_events_meta; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_events ATTACH PARTITION public.telemetry_events_meta FOR VALUES IN ('2');


--
-- Name: telemetry_events_sample; Type: TABLE ATTACH; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_events ATTACH PARTITION public.telemetry_events_sample FOR VALUES IN ('1');


--
-- Name: meeting_participants id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.meeting_participants ALTER COLUMN id SET DEFAULT nextval('public.meeting_participants_id_seq'::regclass);


--
-- Name: meetings id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.meetings ALTER COLUMN id SET DEFAULT nextval('public.meetings_id_seq'::regclass);


--
-- Name: session_participants id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.session_participants ALTER COLUMN id SET DEFAULT nextval('public.session_participants_id_seq'::regclass);


--
-- Name: flag_changes flag_changes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flag_changes
    ADD CONSTRAINT flag_changes_pkey PRIMARY KEY (revision);


--
-- Name: flag_revision flag_revision_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flag_revision
    ADD CONSTRAINT flag_revision_pkey PRIMARY KEY (id);


--
-- Name: meeting_participants meeting_participants_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.meeting_participants
    ADD CONSTRAINT meeting_participants_pkey PRIMARY KEY (id);


--
-- Name: meetings meetings_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.meetings
    ADD CONSTRAINT meetings_pkey PRIMARY KEY (id);


--
-- Name: nodes nodes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.nodes
    ADD CONSTRAINT nodes_pkey PRIMARY KEY (node_id);


--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);


--
-- Name: session_participants session_participants_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.session_participants
    ADD CONSTRAINT session_participants_pkey PRIMARY KEY (id);


--
-- Name: session_participants session_participants_room_id_user_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.session_participants
    ADD CONSTRAINT session_participants_room_id_user_id_key UNIQUE (room_id, user_id);


--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (session_id);


--
-- Name: sign_out_revision sign_out_revision_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sign_out_revision
    ADD CONSTRAINT sign_out_revision_pkey PRIMARY KEY (id);


--
-- Name: sign_outs sign_outs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sign_outs
    ADD CONSTRAINT sign_outs_pkey PRIMARY KEY (session_id);


--
-- Name: sign_outs sign_outs_revision_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sign_outs
    ADD CONSTRAINT sign_outs_revision_key UNIQUE (revision);


--
-- Name: telemetry_catalogues telemetry_catalogues_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_catalogues
    ADD CONSTRAINT telemetry_catalogues_name_key UNIQUE (name);


--
-- Name: telemetry_catalogues telemetry_catalogues_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_catalogues
    ADD CONSTRAINT telemetry_catalogues_pkey PRIMARY KEY (id);


--
-- Name: telemetry_finished telemetry_finished_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_finished
    ADD CONSTRAINT telemetry_finished_pkey PRIMARY KEY (engine);


--
-- Name: telemetry_losses telemetry_losses_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_losses
    ADD CONSTRAINT telemetry_losses_pkey PRIMARY KEY (session, entry);


--
-- Name: telemetry_quarantine telemetry_quarantine_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_quarantine
    ADD CONSTRAINT telemetry_quarantine_pkey PRIMARY KEY (session, seq);


--
-- Name: telemetry_rollups telemetry_rollups_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_rollups
    ADD CONSTRAINT telemetry_rollups_pkey PRIMARY KEY (bucket, catalogue, kind, scope, source, dimension, measure, writer);


--
-- Name: telemetry_sessions telemetry_sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_sessions
    ADD CONSTRAINT telemetry_sessions_pkey PRIMARY KEY (id);


--
-- Name: telemetry_sources telemetry_sources_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_sources
    ADD CONSTRAINT telemetry_sources_pkey PRIMARY KEY (id);


--
-- Name: telemetry_writers telemetry_writers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_writers
    ADD CONSTRAINT telemetry_writers_pkey PRIMARY KEY (id);


--
-- Name: meeting_participants uq_meeting_participant_user; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.meeting_participants
    ADD CONSTRAINT uq_meeting_participant_user UNIQUE (meeting_id, user_id);


--
-- Name: telemetry_sources uq_telemetry_sources; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_sources
    ADD CONSTRAINT uq_telemetry_sources UNIQUE (catalogue, identity);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (email);


--
-- Name: idx_flag_changes_by_flag; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_flag_changes_by_flag ON public.flag_changes USING btree (flag, revision DESC);


--
-- Name: idx_flag_values_place; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX idx_flag_values_place ON public.flag_values USING btree (flag, COALESCE(room_id, ''::character varying));


--
-- Name: idx_meeting_participants_meeting_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_meeting_participants_meeting_id ON public.meeting_participants USING btree (meeting_id);


--
-- Name: idx_meeting_participants_of_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_meeting_participants_of_user ON public.meeting_participants USING btree (user_id, admitted_at DESC, meeting_id DESC) WHERE (admitted_at IS NOT NULL);


--
-- Name: idx_meeting_participants_present; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_meeting_participants_present ON public.meeting_participants USING btree (meeting_id) WHERE (((status)::text = 'admitted'::text) AND (left_at IS NULL));


--
-- Name: idx_meeting_participants_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_meeting_participants_status ON public.meeting_participants USING btree (status);


--
-- Name: idx_meeting_participants_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_meeting_participants_user_id ON public.meeting_participants USING btree (user_id);


--
-- Name: idx_meeting_participants_waiting; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_meeting_participants_waiting ON public.meeting_participants USING btree (meeting_id) WHERE ((status)::text = 'waiting'::text);


--
-- Name: idx_meetings_activity; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_meetings_activity ON public.meetings USING btree (id) INCLUDE (state, created_at, started_at, ended_at) WHERE (deleted_at IS NULL);


--
-- Name: idx_meetings_creator_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_meetings_creator_id ON public.meetings USING btree (creator_id);


--
-- Name: idx_meetings_deleted; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_meetings_deleted ON public.meetings USING btree (room_id, deleted_at) WHERE (deleted_at IS NOT NULL);


--
-- Name: idx_meetings_gone; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_meetings_gone ON public.meetings USING btree (id) WHERE (deleted_at IS NOT NULL);


--
-- Name: idx_meetings_of_creator; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_meetings_of_creator ON public.meetings USING btree (creator_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);


--
-- Name: idx_meetings_room_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_meetings_room_id ON public.meetings USING btree (room_id);


--
-- Name: idx_meetings_room_id_unique_active; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX idx_meetings_room_id_unique_active ON public.meetings USING btree (room_id) WHERE (deleted_at IS NULL);


--
-- Name: idx_meetings_state; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_meetings_state ON public.meetings USING btree (state);


--
-- Name: idx_session_participants_active; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_session_participants_active ON public.session_participants USING btree (room_id) WHERE (left_at IS NULL);


--
-- Name: idx_session_participants_room_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_session_participants_room_id ON public.session_participants USING btree (room_id);


--
-- Name: idx_sessions_left; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_sessions_left ON public.sessions USING btree (left_at) WHERE (left_at IS NOT NULL);


--
-- Name: idx_sessions_open_by_node; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_sessions_open_by_node ON public.sessions USING btree (node_id) WHERE (left_at IS NULL);


--
-- Name: idx_sessions_open_by_room; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_sessions_open_by_room ON public.sessions USING btree (room_id, user_id) WHERE (left_at IS NULL);


--
-- Name: idx_sign_outs_keep_until; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_sign_outs_keep_until ON public.sign_outs USING btree (keep_until);


--
-- Name: idx_telemetry_events_received; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_telemetry_events_received ON ONLY public.telemetry_events USING btree (received_at);


--
-- Name: idx_telemetry_events_subject; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_telemetry_events_subject ON ONLY public.telemetry_events USING btree (subject) WHERE (subject IS NOT NULL);


--
-- Name: idx_telemetry_finished_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_telemetry_finished_at ON public.telemetry_finished USING btree (at);


--
-- Name: idx_telemetry_losses_noted; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_telemetry_losses_noted ON public.telemetry_losses USING btree (noted_at, session, entry);


--
-- Name: idx_telemetry_quarantine_received; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_telemetry_quarantine_received ON public.telemetry_quarantine USING btree (received_at);


--
-- Name: idx_telemetry_sessions_alive; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_telemetry_sessions_alive ON public.telemetry_sessions USING btree (alive_at) WHERE (ended_at IS NULL);


--
-- Name: idx_telemetry_sessions_engine; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_telemetry_sessions_engine ON public.telemetry_sessions USING btree (engine, id);


--
-- Name: idx_telemetry_sessions_scope; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_telemetry_sessions_scope ON public.telemetry_sessions USING btree (scope, id);


--
-- Name: idx_telemetry_sessions_source; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_telemetry_sessions_source ON public.telemetry_sessions USING btree (source, id);


--
-- Name: idx_telemetry_sources_last_seen; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_telemetry_sources_last_seen ON public.telemetry_sources USING btree (last_seen, id);


--
-- Name: idx_telemetry_writers_counted; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_telemetry_writers_counted ON public.telemetry_writers USING btree (counted_at);


--
-- Name: telemetry_events_failure_received_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX telemetry_events_failure_received_at_idx ON ONLY public.telemetry_events_failure USING btree (received_at);


--
-- Name: telemetry_events_failure_subject_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX telemetry_events_failure_subject_idx ON ONLY public.telemetry_events_failure USING btree (subject) WHERE (subject IS NOT NULL);


--
-- Name: telemetry_events_lifecycle_received_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX telemetry_events_lifecycle_received_at_idx ON ONLY public.telemetry_events_lifecycle USING btree (received_at);


--
-- Name: telemetry_events_lifecycle_subject_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX telemetry_events_lifecycle_subject_idx ON ONLY public.telemetry_events_lifecycle USING btree (subject) WHERE (subject IS NOT NULL);


--
-- Name: telemetry_events_meta_received_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX telemetry_events_meta_received_at_idx ON ONLY public.telemetry_events_meta USING btree (received_at);


--
-- Name: telemetry_events_meta_subject_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX telemetry_events_meta_subject_idx ON ONLY public.telemetry_events_meta USING btree (subject) WHERE (subject IS NOT NULL);


--
-- Name: telemetry_events_sample_received_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX telemetry_events_sample_received_at_idx ON ONLY public.telemetry_events_sample USING btree (received_at);


--
-- Name: telemetry_events_sample_subject_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX telemetry_events_sample_subject_idx ON ONLY public.telemetry_events_sample USING btree (subject) WHERE (subject IS NOT NULL);


--
-- Name: telemetry_events_failure_received_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.idx_telemetry_events_received ATTACH PARTITION public.telemetry_events_failure_received_at_idx;


--
-- Name: telemetry_events_failure_subject_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.idx_telemetry_events_subject ATTACH PARTITION public.telemetry_events_failure_subject_idx;


--
-- Name: telemetry_events_lifecycle_received_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.idx_telemetry_events_received ATTACH PARTITION public.telemetry_events_lifecycle_received_at_idx;


--
-- Name: telemetry_events_lifecycle_subject_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.idx_telemetry_events_subject ATTACH PARTITION public.telemetry_events_lifecycle_subject_idx;


--
-- Name: telemetry_events_meta_received_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.idx_telemetry_events_received ATTACH PARTITION public.telemetry_events_meta_received_at_idx;


--
-- Name: telemetry_events_meta_subject_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.idx_telemetry_events_subject ATTACH PARTITION public.telemetry_events_meta_subject_idx;


--
-- Name: telemetry_events_sample_received_at_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.idx_telemetry_events_received ATTACH PARTITION public.telemetry_events_sample_received_at_idx;


--
-- Name: telemetry_events_sample_subject_idx; Type: INDEX ATTACH; Schema: public; Owner: -
--

ALTER INDEX public.idx_telemetry_events_subject ATTACH PARTITION public.telemetry_events_sample_subject_idx;


--
-- Name: flag_changes flag_changes_are_kept; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER flag_changes_are_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON public.flag_changes FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change_of_record();


--
-- Name: meeting_participants update_meeting_participants_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER update_meeting_participants_updated_at BEFORE UPDATE ON public.meeting_participants FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();


--
-- Name: meetings update_meetings_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER update_meetings_updated_at BEFORE UPDATE ON public.meetings FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();


--
-- Name: meeting_participants meeting_participants_meeting_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.meeting_participants
    ADD CONSTRAINT meeting_participants_meeting_id_fkey FOREIGN KEY (meeting_id) REFERENCES public.meetings(id) ON DELETE CASCADE;


--
-- Name: telemetry_sessions telemetry_sessions_source_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_sessions
    ADD CONSTRAINT telemetry_sessions_source_fkey FOREIGN KEY (source) REFERENCES public.telemetry_sources(id) ON DELETE CASCADE;


--
-- Name: telemetry_sources telemetry_sources_catalogue_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.telemetry_sources
    ADD CONSTRAINT telemetry_sources_catalogue_fkey FOREIGN KEY (catalogue) REFERENCES public.telemetry_catalogues(id);


--
-- PostgreSQL database dump complete
--

\unrestrict dbmate


--
-- Dbmate schema migrations
--

INSERT INTO public.schema_migrations (version) VALUES
    ('20220807000000'),
    ('20250101000000'),
    ('20250113000000'),
    ('20251109111824'),
    ('20251225000000'),
    ('20260203000000'),
    ('20260203000001'),
    ('20260203000002'),
    ('20260203000003'),
    ('20260211000000'),
    ('20260302000000'),
    ('20260307000001'),
    ('20261120000000'),
    ('20261120000001'),
    ('20261121000000'),
    ('20261121000002'),
    ('20261121000003'),
    ('20261121000004'),
    ('20261121000010'),
    ('20261121000011'),
    ('20261121000012'),
    ('20261121000013'),
    ('20261121000014'),
    ('20261121000020'),
    ('20261121000021'),
    ('20261122000000');
