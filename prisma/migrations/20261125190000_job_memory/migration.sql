-- What a run of fine-tuning was expected to take of memory, and took.
ALTER TABLE job ADD COLUMN memory jsonb;
