export { createProject, fetchPeople, setMember, updateProject } from './api'
