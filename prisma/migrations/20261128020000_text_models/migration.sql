-- Models that take texts: how these are prepared, in place of what is done to pictures.
ALTER TABLE model ALTER COLUMN preprocessing DROP NOT NULL;
ALTER TABLE model ADD COLUMN text jsonb;
ALTER TABLE model ADD CONSTRAINT model_input_check CHECK (num_nonnulls(preprocessing, text) = 1);
