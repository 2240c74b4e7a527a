export { createCredential, generateCredential, updateCredential } from './api'
