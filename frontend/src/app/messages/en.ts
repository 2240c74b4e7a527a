import { en as vuetify } from 'vuetify/locale'

import { mergeMessages, type Messages } from './merge'

const files = import.meta.glob<Messages>('/src/**/locales/en.json', { eager: true, import: 'default' })

export default mergeMessages([...Object.values(files), { $vuetify: vuetify }])
