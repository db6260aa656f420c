-- Columns of a table of texts that the user named for this revision (`text`, `label`, `split`); null where none was.
ALTER TABLE dataset_revision ADD COLUMN columns jsonb;
