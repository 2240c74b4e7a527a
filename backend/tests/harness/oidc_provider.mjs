// 本物の OpenID Connect の提供者(認定を受けた oidc-provider)。引数は一つの JSON。
// 制御の口で、人と組を替え、証明書に細工をさせられる(攻撃の試験のため)。
import { createHmac, generateKeyPairSync } from 'node:crypto'
import http from 'node:http'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const options = JSON.parse(process.argv[2])
const require = createRequire(options.packages)
const load = (name) => import(pathToFileURL(require.resolve(name)).href)
const { Provider } = await load('oidc-provider')
const { SignJWT, decodeJwt, importJWK } = await load('jose')

const state = { users: {}, tamper: null, keys: 0 }
const fresh = (kid) => ({
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  kid,
  alg: 'RS256',
  use: 'sig',
})
const signing = fresh('main')
const issuer = `http://127.0.0.1:${options.port}`

const provider = new Provider(issuer, {
  clients: [{ client_id: options.clientId, client_secret: options.clientSecret, redirect_uris: options.redirectUris }],
  jwks: { keys: [signing] },
  cookies: { keys: ['only for tests'] },
  scopes: ['openid', 'profile', 'email', 'groups'],
  claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email'], groups: ['groups'] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  ttl: { AccessToken: 300, AuthorizationCode: 60, IdToken: 300, Interaction: 300, Session: 300, Grant: 300 },
  async findAccount(_, id) {
    const user = state.users[id]
    return user && { accountId: id, claims: () => ({ sub: id, ...user }) }
  },
  // 同意の頁は出さない。確かめたいのは、名乗りと組だけ
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    })
    grant.addOIDCScope('openid profile email groups')
    await grant.save()
    return grant
  },
})

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const publicJwk = { kty: signing.kty, n: signing.n, e: signing.e }
const resign = (claims, key = signing) =>
  importJWK(key, 'RS256').then((loaded) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: key.kid }).sign(loaded))

const TRICKS = {
  alg_none: (claims) => `${encode({ alg: 'none' })}.${encode(claims)}.`,
  hs256_with_the_public_key: (claims) => {
    const unsigned = `${encode({ alg: 'HS256', kid: 'main' })}.${encode(claims)}`
    return `${unsigned}.${createHmac('sha256', JSON.stringify(publicJwk)).update(unsigned).digest('base64url')}`
  },
  hs256_with_the_client_secret: (claims) => {
    const unsigned = `${encode({ alg: 'HS256' })}.${encode(claims)}`
    return `${unsigned}.${createHmac('sha256', options.clientSecret).update(unsigned).digest('base64url')}`
  },
  other_key: (claims) => resign(claims, fresh('main')),
  unknown_key: (claims) => resign(claims, fresh('unknown')),
  edited: (claims, token) => {
    const [head, , signature] = token.split('.')
    return `${head}.${encode({ ...claims, sub: 'admin' })}.${signature}`
  },
  other_audience: (claims) => resign({ ...claims, aud: 'another-client' }),
  other_audience_in_our_name: (claims) => resign({ ...claims, aud: 'another-client', azp: claims.aud }),
  several_audiences: (claims) => resign({ ...claims, aud: [claims.aud, 'another-client'] }),
  other_party: (claims) => resign({ ...claims, azp: 'another-client' }),
  other_issuer: (claims) => resign({ ...claims, iss: 'https://evil.example' }),
  other_nonce: (claims) => resign({ ...claims, nonce: 'another' }),
  no_nonce: ({ nonce: _, ...claims }) => resign(claims),
  expired: (claims) => resign({ ...claims, exp: claims.iat - 3600, iat: claims.iat - 7200 }),
  from_the_future: (claims) => resign({ ...claims, iat: claims.iat + 3600 }),
  no_subject: ({ sub: _, ...claims }) => resign(claims),
  other_access_token: (claims) => resign({ ...claims, at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }),
  missing: () => undefined,
}

provider.use(async (ctx, next) => {
  await next()
  if (state.tamper === 'other_userinfo' && ctx.path === '/me') ctx.body = { ...ctx.body, sub: 'somebody-else' }
  const trick = TRICKS[state.tamper]
  if (trick && ctx.path === '/token' && ctx.body?.id_token) {
    ctx.body.id_token = await trick(decodeJwt(ctx.body.id_token), ctx.body.id_token)
  }
  if (state.tamper === 'names_another_issuer' && ctx.path.endsWith('openid-configuration')) {
    ctx.body = { ...ctx.body, issuer: 'https://evil.example' }
  }
})

const control = http.createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => (body += chunk))
  request.on('end', () => {
    Object.assign(state, JSON.parse(body))
    response.end('{}')
  })
})
control.listen(options.controlPort, '127.0.0.1')
http.createServer(provider.callback()).listen(options.port, '127.0.0.1', () => console.log('listening'))
