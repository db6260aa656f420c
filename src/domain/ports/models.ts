import type { EvaluationExample, Json, Model } from '../types.js';
import type { Page, PageRequest } from './page.js';

export interface NewModel extends Omit<Model, 'createdAt'> {
  readonly evaluation: Json;
  readonly examples: readonly EvaluationExample[];
}
export interface ModelRepository {
  /** By id or alias. */
  find(projectId: string, reference: string): Promise<Model | null>;
  list(projectId: string, page: PageRequest): Promise<Page<Model>>;
  evaluation(id: string): Promise<Json | null>;
  evaluationExamples(
    id: string,
    filter: { actual?: string; predicted?: string },
    page: PageRequest,
  ): Promise<Page<EvaluationExample>>;
  /** Marks as deleted, drops its aliases. */
  delete(projectId: string, id: string): Promise<boolean>;
  setAlias(projectId: string, name: string, modelId: string): Promise<void>;
  aliases(projectId: string): Promise<readonly { name: string; modelId: string; createdAt: Date }[]>;
  deleteAlias(projectId: string, name: string): Promise<boolean>;
}
