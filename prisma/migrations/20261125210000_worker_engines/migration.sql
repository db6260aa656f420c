-- What each worker can train with, as it found when it last looked; rows of a worker that is gone are not seen again.
CREATE TABLE worker_engine (
  worker_id text NOT NULL,
  executor text NOT NULL CHECK (executor IN ('onnxruntime', 'tensorflow')),
  usable boolean NOT NULL,
  version text,
  device text,
  -- Why it cannot be used, with the mend.
  reason text,
  checked_at timestamptz(3) NOT NULL,
  seen_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (worker_id, executor)
);
