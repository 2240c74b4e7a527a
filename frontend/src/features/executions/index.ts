export { default as RecentExecutions } from './components/RecentExecutions.vue'
export { default as RunButton } from './components/RunButton.vue'
export { mergeRows } from './composables/mergeRows'
export { useStartExecution } from './composables/useStartExecution'
