export { default as ProjectField } from './components/ProjectField.vue'
export { default as ProjectName } from './components/ProjectName.vue'
export { default as ProjectSwitcher } from './components/ProjectSwitcher.vue'
export { useProjects } from './projectStore'
