export { useSession } from './sessionStore'
