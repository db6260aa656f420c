export const TASKS = ['image-classification', 'object-detection', 'text-classification', 'translation'] as const;
export type Task = (typeof TASKS)[number];
export type Split = 'train' | 'validation' | 'test';
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export type ContentState = 'receiving' | 'checking' | 'ready' | 'invalid';
