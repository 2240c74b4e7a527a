import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import type { ProjectRead, UserRead } from '@/api'
import { useSession } from '@/features/auth'

import * as api from './api'
import { useProjects } from './projectStore'

vi.mock('./api')

const project = (id: number, name: string): ProjectRead => ({
  id,
  name,
  max_parallel: null,
  member_count: 0,
  server_count: 0,
  job_count: 0,
  credential_count: 0,
  execution_count: 0,
  created_at: '2026-11-01T00:00:00Z',
})
const member = {
  id: 5,
  username: 'member',
  role: null,
  permissions: [],
  projects: [
    { id: 2, role: 'viewer', permissions: ['project:read', 'job:read'] },
    { id: 3, role: 'editor', permissions: ['project:read', 'job:read', 'job:write'] },
  ],
} as unknown as UserRead

async function signedIn(): Promise<ReturnType<typeof useProjects>> {
  useSession().user = member
  const projects = useProjects()
  await vi.waitFor(() => expect(projects.items).toHaveLength(2))
  return projects
}

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
  vi.mocked(api.fetchProjects).mockResolvedValue([project(2, 'shop'), project(3, 'web')])
})

describe('見ているプロジェクト', () => {
  it('選んだものを、次に開いたときも覚えている', async () => {
    const projects = await signedIn()
    expect(projects.current).toBeNull()
    projects.choose(3)
    setActivePinia(createPinia())
    expect((await signedIn()).current).toBe(3)
  })

  it('見えなくなったプロジェクトを覚えていたら、全部に戻る', async () => {
    localStorage.setItem('tsubame.project', '99')
    expect((await signedIn()).current).toBeNull()
  })

  it('新しい物は、見ているプロジェクトに、置けなければ置ける所に置く', async () => {
    const projects = await signedIn()
    projects.choose(2)
    expect(projects.mayCreate('job:write')).toBe(false)
    expect(projects.placeFor('job:write')).toBe(3)
    expect(projects.placesFor('job:write').map((each) => each.name)).toEqual(['web'])
    projects.choose(3)
    expect(projects.mayCreate('job:write')).toBe(true)
  })

  it('一覧が取れなくても、画面は使える', async () => {
    vi.mocked(api.fetchProjects).mockRejectedValue(new TypeError('offline'))
    useSession().user = member
    const projects = useProjects()
    await projects.load()
    expect(projects.items).toEqual([])
    expect(projects.several).toBe(false)
  })
})
