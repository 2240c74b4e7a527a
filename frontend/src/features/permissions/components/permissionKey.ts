import type { Permission } from '@/api'

/** 訳の鍵に使える形の、権限の名前。 */
export const keyOf = (permission: Permission): string => permission.replace(':', '_')
