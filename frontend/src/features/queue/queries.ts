export { setLimits as saveLimits, setPriority as savePriority } from './api'
