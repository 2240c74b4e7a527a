export { default as LogViewer } from './LogViewer.vue'
