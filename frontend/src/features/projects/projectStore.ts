import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'

import type { ProjectRead } from '@/api'
import { useSession } from '@/features/auth'
import { readNumber, writePreference } from '@/shared/lib/preferences'

import { fetchProjects } from './api'

const DEFAULT_PROJECT = 1

/** 見えるプロジェクトと、今どれだけを見ているか。 */
export const useProjects = defineStore('projects', () => {
  const session = useSession()
  const known = shallowRef<ProjectRead[] | null>(null)
  const chosen = ref(readNumber('project'))

  const items = computed(() => known.value ?? [])
  /** 一つしか見えない人には、選ばせることも、名前を添えることもしない。 */
  const several = computed(() => items.value.length > 1)
  /** 一覧を絞るプロジェクト。全部を見ているなら `null`。 */
  const current = computed(() => {
    const gone = known.value !== null && !known.value.some((project) => project.id === chosen.value)
    return gone ? null : chosen.value
  })

  /** 取れなくても、絞らない一覧は見られる。 */
  async function load(): Promise<void> {
    if (session.canSomewhere('project:read')) known.value = await fetchProjects().catch(() => known.value)
  }

  watch(
    () => session.user?.id,
    () => {
      known.value = null
      void load()
    },
    { immediate: true },
  )

  function choose(id: number | null): void {
    chosen.value = id
    writePreference('project', id === null ? null : String(id))
  }

  const nameOf = (id: number): string => items.value.find((project) => project.id === id)?.name ?? ''

  /** その権限で物を置けるプロジェクト。 */
  const placesFor = (permission: string): ProjectRead[] => items.value.filter((project) => session.can(permission, project.id))

  /** 今の見方のままで、新しく作れるか。 */
  const mayCreate = (permission: string): boolean =>
    current.value === null ? session.canSomewhere(permission) : session.can(permission, current.value)

  /** 新しい物を、初めに置いておくプロジェクト。 */
  function placeFor(permission: string): number {
    if (current.value !== null && session.can(permission, current.value)) return current.value
    if (session.can(permission, DEFAULT_PROJECT)) return DEFAULT_PROJECT
    return session.user?.projects.find((each) => session.can(permission, each.id))?.id ?? DEFAULT_PROJECT
  }

  return { items, several, current, load, choose, nameOf, placesFor, mayCreate, placeFor }
})
