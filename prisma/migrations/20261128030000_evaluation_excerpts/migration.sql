-- What a text that was measured on begins with, so that a person sees what a model got wrong.
ALTER TABLE evaluation_example ADD COLUMN excerpt text;
