-- Bases from a model hub: where from (`hub`, `revision`, and once it is known the `commit`), and how much of it is here.
ALTER TABLE base
  ADD COLUMN source jsonb,
  ADD COLUMN progress jsonb;
