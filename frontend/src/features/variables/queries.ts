export { createVariable, deleteVariable, fetchEnvironment, fetchVariables, updateVariable, type Owner } from './api'
