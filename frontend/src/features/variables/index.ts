export { default as EffectiveEnvironment } from './components/EffectiveEnvironment.vue'
export { default as GivenVariables } from './components/GivenVariables.vue'
export { default as VariableSection } from './components/VariableSection.vue'
export { givenFromRows, newGivenRow, rowsAreGood, type GivenRow } from './composables/givenRows'
