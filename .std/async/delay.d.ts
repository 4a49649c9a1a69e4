export function delay(ms: number, options?: { signal?: AbortSignal; persistent?: boolean }): Promise<void>;
