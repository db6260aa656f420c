-- Bases that were made from a model: the model, whose files they stand on.
ALTER TABLE base ADD COLUMN model_id text REFERENCES model (id);
CREATE INDEX base_model_id_idx ON base (model_id);
