export { explain, fetchPeople, type Question } from './api'
