import type { EvaluationExample, Json, LineageLink, Model } from '../types.js';
import type { Page, PageRequest } from './page.js';

export interface NewModel extends Omit<Model, 'createdAt'> {
  readonly evaluation: Json;
  readonly examples: readonly EvaluationExample[];
}
export interface EvaluationFilter {
  readonly actual?: string;
  readonly predicted?: string;
  /** Only those that were predicted wrongly (true) or rightly (false). */
  readonly wrong?: boolean;
  /** By place in the dataset, or the most confident predictions first. */
  readonly order?: 'index' | 'confidence';
}
export interface ModelRepository {
  /** By id or alias. */
  find(projectId: string, reference: string): Promise<Model | null>;
  /** Any project's, for workers. */
  byId(id: string): Promise<Model | null>;
  /**
   * How each of the models came about: the model itself first, then the model that its base was made from, and so on down
   * to a base that was uploaded.
   */
  lineages(ids: readonly string[]): Promise<ReadonlyMap<string, readonly LineageLink[]>>;
  list(projectId: string, page: PageRequest): Promise<Page<Model>>;
  evaluation(id: string): Promise<Json | null>;
  evaluationExamples(id: string, filter: EvaluationFilter, page: PageRequest): Promise<Page<EvaluationExample>>;
  /** Marks as deleted, drops its aliases; refuses with `in-use` while a base that was made from it stands. */
  delete(projectId: string, id: string): Promise<boolean>;
  setAlias(projectId: string, name: string, modelId: string): Promise<void>;
  aliases(projectId: string): Promise<readonly { name: string; modelId: string; createdAt: Date }[]>;
  deleteAlias(projectId: string, name: string): Promise<boolean>;
}
