import type { ExplanationRead, Permission, PermissionTable, UserOption } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

/** 製品が使っている表そのもの。 */
export function fetchTable(signal?: AbortSignal): Promise<PermissionTable> {
  return unwrap(sdk.getPermissionTable({ signal }))
}

export interface Question {
  userId: number
  permission: Permission
  projectId: number | null
}

export function explain(question: Question, signal?: AbortSignal): Promise<ExplanationRead> {
  const query = { user_id: question.userId, permission: question.permission, project_id: question.projectId }
  return unwrap(sdk.explainPermission({ query, signal }))
}

export async function fetchPeople(): Promise<UserOption[]> {
  return (await unwrap(sdk.listUsers())).items
}
