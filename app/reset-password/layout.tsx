export { default } from '@/app/not-found-unless-enabled'
