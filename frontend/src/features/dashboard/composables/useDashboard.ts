import { computed, onMounted, onScopeDispose, watch, type ComputedRef, type ShallowRef } from 'vue'

import type { ApiProblem, DashboardRead, ExecutionSummary, JobRead, ServerRead } from '@/api'
import { useSession } from '@/features/auth'
import { useProjects } from '@/features/projects'
import { useResource } from '@/shared/composables/useResource'
import { useRoomChanges } from '@/shared/composables/useRoomChanges'
import { useExecutionsStream } from '@/shared/composables/useStream'

import { fetchDashboard, fetchJobs, fetchServers } from '../api'
import { applyRows, recentJobs } from './live'

/** 立て続けの知らせのたびに数え直さない。図と合計は、少し遅れてよい。 */
const RECOUNT_MS = 2000

interface UseDashboard {
  dashboard: ShallowRef<DashboardRead | undefined>
  problem: ShallowRef<ApiProblem | null>
  quickJobs: ComputedRef<JobRead[]>
  servers: ComputedRef<ServerRead[]>
  hasRun: ComputedRef<boolean>
  ready: ComputedRef<boolean>
  reload: () => Promise<void>
}

export function useDashboard(): UseDashboard {
  const { canSomewhere } = useSession()
  const projects = useProjects()
  const { data: dashboard, problem, reload } = useResource((signal) => fetchDashboard(projects.current, signal))
  const jobs = useResource((signal) => fetchJobs(projects.current, signal))
  const servers = useResource((signal) => fetchServers(projects.current, signal))
  let timer: ReturnType<typeof setTimeout> | undefined

  async function reloadAll(): Promise<void> {
    await Promise.all([reload(), jobs.reload(), canSomewhere('server:read') ? servers.reload() : undefined])
  }

  onMounted(reloadAll)
  watch(() => projects.current, reloadAll)
  useRoomChanges('servers', () => void Promise.all([reload(), servers.reload()]))
  useRoomChanges('jobs', () => void Promise.all([reload(), jobs.reload()]))
  useRoomChanges('credentials', () => void reload())
  useExecutionsStream((rows: ExecutionSummary[]) => {
    if (dashboard.value) dashboard.value = applyRows(dashboard.value, rows.filter((row) => projects.current === null || row.project_id === projects.current))
    clearTimeout(timer)
    timer = setTimeout(() => void Promise.all([reload(), jobs.reload()]), RECOUNT_MS)
  }, () => void reloadAll())
  onScopeDispose(() => clearTimeout(timer))

  const allJobs = computed(() => jobs.data.value?.items ?? [])
  return {
    dashboard,
    problem,
    quickJobs: computed(() => recentJobs(allJobs.value)),
    servers: computed(() => servers.data.value?.items ?? []),
    hasRun: computed(() => allJobs.value.some((job) => job.last_execution !== null)),
    ready: computed(() => jobs.data.value !== undefined && servers.data.value !== undefined),
    reload: reloadAll,
  }
}
