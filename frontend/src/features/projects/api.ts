import type { MemberRead, ProjectInput, ProjectRead, Role, UserOption } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

export async function fetchProjects(signal?: AbortSignal): Promise<ProjectRead[]> {
  return (await unwrap(sdk.listProjects({ signal }))).items
}

export function fetchProject(id: number, signal?: AbortSignal): Promise<ProjectRead> {
  return unwrap(sdk.getProject({ path: { project_id: id }, signal }))
}

export function createProject(body: ProjectInput): Promise<ProjectRead> {
  return unwrap(sdk.createProject({ body }))
}

export function updateProject(id: number, body: ProjectInput): Promise<ProjectRead> {
  return unwrap(sdk.updateProject({ path: { project_id: id }, body }))
}

export async function deleteProject(id: number): Promise<void> {
  await unwrap(sdk.deleteProject({ path: { project_id: id } }))
}

export async function fetchMembers(id: number, signal?: AbortSignal): Promise<MemberRead[]> {
  return (await unwrap(sdk.listMembers({ path: { project_id: id }, signal }))).items
}

/** 一員に加える、または役割を変える。 */
export function setMember(id: number, userId: number, role: Role): Promise<MemberRead> {
  return unwrap(sdk.setMember({ path: { project_id: id, user_id: userId }, body: { role } }))
}

export async function removeMember(id: number, userId: number): Promise<void> {
  await unwrap(sdk.removeMember({ path: { project_id: id, user_id: userId } }))
}

/** 一員にできる人。 */
export async function fetchPeople(): Promise<UserOption[]> {
  return (await unwrap(sdk.listUsers())).items
}
