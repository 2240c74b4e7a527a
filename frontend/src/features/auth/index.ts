export { default as LoginSteps } from './components/LoginSteps.vue'
export { useLoginSteps } from './composables/useLoginSteps'
export { useSession } from './sessionStore'
