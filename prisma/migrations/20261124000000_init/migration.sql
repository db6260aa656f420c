-- The whole schema of the first version. What must never happen is refused here, whatever the code above does:
-- a terminal job changes, an attempt number falls, a state is reached along a way that src/domain/lifecycle.ts does not have.

CREATE TABLE project (
  id text PRIMARY KEY,
  name text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
INSERT INTO project (id, name) VALUES ('prj_00000000000000000000000000', 'default');

CREATE TABLE api_key (
  id text PRIMARY KEY,
  project_id text NOT NULL REFERENCES project (id),
  name text NOT NULL,
  digest text NOT NULL,
  prefix text NOT NULL,
  scopes text[],
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  last_used_at timestamptz(3),
  expires_at timestamptz(3),
  revoked_at timestamptz(3)
);
CREATE UNIQUE INDEX api_key_digest_key ON api_key (digest);
CREATE INDEX api_key_project_id_id_idx ON api_key (project_id, id);

CREATE TABLE dataset (
  id text PRIMARY KEY,
  project_id text NOT NULL REFERENCES project (id),
  name text NOT NULL,
  task text NOT NULL,
  revision integer NOT NULL DEFAULT 0,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  deleted_at timestamptz(3)
);
CREATE INDEX dataset_project_id_id_idx ON dataset (project_id, id);

CREATE TABLE dataset_revision (
  dataset_id text NOT NULL REFERENCES dataset (id) ON DELETE CASCADE,
  number integer NOT NULL,
  state text NOT NULL CHECK (state IN ('receiving', 'checking', 'ready', 'invalid')),
  digest text,
  bytes bigint NOT NULL DEFAULT 0,
  media_type text,
  upload_key text,
  pack_key text,
  summary jsonb,
  report jsonb,
  error jsonb,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (dataset_id, number)
);
CREATE INDEX dataset_revision_checking_idx ON dataset_revision (updated_at) WHERE state = 'checking';

CREATE TABLE example (
  dataset_id text NOT NULL,
  revision integer NOT NULL,
  index integer NOT NULL,
  path text NOT NULL,
  label text,
  split text CHECK (split IN ('train', 'validation', 'test')),
  "offset" bigint NOT NULL,
  bytes integer NOT NULL,
  digest text,
  width integer,
  height integer,
  problem_code text,
  problem_detail text,
  PRIMARY KEY (dataset_id, revision, index),
  FOREIGN KEY (dataset_id, revision) REFERENCES dataset_revision (dataset_id, number) ON DELETE CASCADE
);
CREATE INDEX example_dataset_id_revision_label_index_idx ON example (dataset_id, revision, label, index);

CREATE TABLE base (
  id text PRIMARY KEY,
  project_id text NOT NULL REFERENCES project (id),
  name text NOT NULL,
  state text NOT NULL CHECK (state IN ('receiving', 'checking', 'ready', 'invalid')),
  digest text,
  bytes bigint NOT NULL DEFAULT 0,
  upload_key text,
  blob_key text,
  facts jsonb,
  error jsonb,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  deleted_at timestamptz(3)
);
CREATE INDEX base_project_id_id_idx ON base (project_id, id);
CREATE INDEX base_project_id_digest_idx ON base (project_id, digest);
CREATE UNIQUE INDEX base_project_id_name_live_key ON base (project_id, name) WHERE deleted_at IS NULL;

CREATE TABLE job (
  id text PRIMARY KEY,
  project_id text NOT NULL REFERENCES project (id),
  name text,
  state text NOT NULL,
  attempt integer NOT NULL DEFAULT 0,
  task text NOT NULL,
  dataset_id text NOT NULL REFERENCES dataset (id),
  dataset_revision integer NOT NULL,
  base_id text NOT NULL REFERENCES base (id),
  base_digest text NOT NULL,
  method jsonb NOT NULL,
  hyperparameters jsonb NOT NULL,
  validation jsonb,
  metadata jsonb NOT NULL DEFAULT '{}',
  engine_requested text NOT NULL DEFAULT 'auto',
  engine jsonb,
  progress jsonb,
  metrics jsonb NOT NULL DEFAULT '{}',
  model_id text,
  retry_of text REFERENCES job (id),
  error jsonb,
  intent text CHECK (intent IN ('cancel', 'pause', 'stop')),
  worker_id text,
  heartbeat_at timestamptz(3),
  queued_at timestamptz(3) NOT NULL DEFAULT now(),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  started_at timestamptz(3),
  finished_at timestamptz(3),
  CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled'))),
  CHECK ((state = 'failed') = (error IS NOT NULL)),
  CHECK (state <> 'succeeded' OR model_id IS NOT NULL)
);
CREATE INDEX job_project_id_id_idx ON job (project_id, id);
CREATE INDEX job_state_heartbeat_at_idx ON job (state, heartbeat_at);

-- The table of src/domain/lifecycle.ts; a test holds the two against each other.
CREATE TABLE job_transition (
  from_state text NOT NULL,
  to_state text NOT NULL,
  PRIMARY KEY (from_state, to_state)
);
INSERT INTO job_transition (from_state, to_state) VALUES
  ('queued', 'preparing'), ('queued', 'paused'), ('queued', 'cancelled'), ('queued', 'failed'),
  ('preparing', 'running'), ('preparing', 'pausing'), ('preparing', 'cancelling'), ('preparing', 'queued'), ('preparing', 'failed'),
  ('running', 'evaluating'), ('running', 'pausing'), ('running', 'cancelling'), ('running', 'queued'), ('running', 'failed'),
  ('evaluating', 'publishing'), ('evaluating', 'pausing'), ('evaluating', 'cancelling'), ('evaluating', 'queued'), ('evaluating', 'failed'),
  ('publishing', 'succeeded'), ('publishing', 'cancelling'), ('publishing', 'queued'), ('publishing', 'failed'),
  ('pausing', 'paused'), ('pausing', 'cancelling'), ('pausing', 'queued'), ('pausing', 'failed'),
  ('paused', 'queued'), ('paused', 'cancelled'),
  ('cancelling', 'cancelled'), ('cancelling', 'failed');

CREATE FUNCTION job_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state IN ('succeeded', 'failed', 'cancelled') THEN
    RAISE EXCEPTION 'job % is %, which never changes', OLD.id, OLD.state USING ERRCODE = 'GR001';
  END IF;
  IF NEW.attempt < OLD.attempt THEN
    RAISE EXCEPTION 'job %: attempt % after %', OLD.id, NEW.attempt, OLD.attempt USING ERRCODE = 'GR002';
  END IF;
  IF NEW.state <> OLD.state AND NOT EXISTS (
    SELECT 1 FROM job_transition WHERE from_state = OLD.state AND to_state = NEW.state
  ) THEN
    RAISE EXCEPTION 'job %: % does not lead to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'GR003';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER job_guard BEFORE UPDATE ON job FOR EACH ROW EXECUTE FUNCTION job_guard();

CREATE TABLE event (
  seq bigserial PRIMARY KEY,
  id text NOT NULL,
  project_id text NOT NULL,
  job_id text NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  type text NOT NULL,
  level text NOT NULL DEFAULT 'info',
  message text NOT NULL,
  data jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX event_id_key ON event (id);
CREATE INDEX event_job_id_seq_idx ON event (job_id, seq);

CREATE TABLE metric (
  seq bigserial PRIMARY KEY,
  project_id text NOT NULL,
  job_id text NOT NULL REFERENCES job (id) ON DELETE CASCADE,
  attempt integer NOT NULL,
  name text NOT NULL,
  step integer NOT NULL,
  value double precision NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX metric_job_id_attempt_name_step_key ON metric (job_id, attempt, name, step);
CREATE INDEX metric_job_id_seq_idx ON metric (job_id, seq);

CREATE TABLE model (
  id text PRIMARY KEY,
  project_id text NOT NULL REFERENCES project (id),
  name text,
  task text NOT NULL,
  job_id text NOT NULL REFERENCES job (id),
  dataset_id text NOT NULL,
  dataset_revision integer NOT NULL,
  base_id text NOT NULL REFERENCES base (id),
  base_digest text NOT NULL,
  cut text NOT NULL,
  labels jsonb NOT NULL,
  preprocessing jsonb NOT NULL,
  method jsonb NOT NULL,
  metrics jsonb NOT NULL,
  evaluation jsonb NOT NULL,
  certificate jsonb NOT NULL,
  head_key text NOT NULL,
  files jsonb NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  deleted_at timestamptz(3)
);
CREATE UNIQUE INDEX model_job_id_key ON model (job_id);
CREATE INDEX model_project_id_id_idx ON model (project_id, id);

CREATE TABLE evaluation_example (
  model_id text NOT NULL REFERENCES model (id) ON DELETE CASCADE,
  index integer NOT NULL,
  project_id text NOT NULL,
  path text NOT NULL,
  split text NOT NULL,
  actual text NOT NULL,
  predicted text NOT NULL,
  probability double precision NOT NULL,
  probabilities double precision[],
  PRIMARY KEY (model_id, index)
);
CREATE INDEX evaluation_example_model_id_actual_predicted_index_idx ON evaluation_example (model_id, actual, predicted, index);

CREATE TABLE alias (
  project_id text NOT NULL REFERENCES project (id),
  name text NOT NULL,
  model_id text NOT NULL REFERENCES model (id) ON DELETE CASCADE,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, name)
);

CREATE TABLE idempotency_key (
  project_id text NOT NULL REFERENCES project (id),
  key text NOT NULL,
  fingerprint text NOT NULL,
  answer jsonb,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, key)
);

CREATE TABLE blob (
  key text PRIMARY KEY,
  bytes bigint NOT NULL,
  digest text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE TABLE blob_chunk (
  key text NOT NULL,
  index integer NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (key, index)
);
-- Weights do not compress: storing them as they are saves the time of trying.
ALTER TABLE blob_chunk ALTER COLUMN data SET STORAGE EXTERNAL;
