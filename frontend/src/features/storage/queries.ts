export { removePolicy, savePolicy } from './api'
