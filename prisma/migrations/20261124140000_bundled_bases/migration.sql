-- Bases that come with the installation, and are taken when a job names none.
ALTER TABLE base ADD COLUMN bundled boolean NOT NULL DEFAULT false;
