export { resolveServers } from './api'
export { default as HostKeyChip } from './components/HostKeyChip.vue'
export { default as SelectorField } from './components/SelectorField.vue'
export { default as ServerPicker } from './components/ServerPicker.vue'
