export { default as HostKeyChip } from './components/HostKeyChip.vue'
