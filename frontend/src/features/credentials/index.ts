export { default as CredentialDialog } from './components/CredentialDialog.vue'
export { default as PublicKeyDialog } from './components/PublicKeyDialog.vue'
