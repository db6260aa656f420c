-- How often a check was begun, and how often it ended with a failure that was not the content's: what ends neither way
-- ended with its worker, and a check that ends its workers must not be tried for ever.
ALTER TABLE dataset_revision
  ADD COLUMN checks_started integer NOT NULL DEFAULT 0,
  ADD COLUMN checks_failed integer NOT NULL DEFAULT 0;
ALTER TABLE base
  ADD COLUMN checks_started integer NOT NULL DEFAULT 0,
  ADD COLUMN checks_failed integer NOT NULL DEFAULT 0;
