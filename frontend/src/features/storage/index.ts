export { default as JobRetention } from './components/JobRetention.vue'
