export { default as TokensCard } from './components/TokensCard.vue'
