/** How often a check was begun, this time included, and how often it failed for another reason than the content. */
export interface CheckTries {
  readonly started: number;
  readonly failed: number;
}
