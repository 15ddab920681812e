// Virtual WebAuthn authenticator: a passkey's device without hands, Chromium's own, which verifies its user at once, or refuses
// to.

import type { CDPSession } from 'playwright-core'
import type { OpenedPage } from './browser.ts'

export class VirtualAuthenticator {
  readonly #session: CDPSession
  readonly #authenticatorId: string

  private constructor(session: CDPSession, authenticatorId: string) {
    this.#session = session
    this.#authenticatorId = authenticatorId
  }

  /** Plugs one in. The page must be at http://localhost or https: passkeys belong to a name, not to an address. */
  static async plugIn({ page, context }: Pick<OpenedPage, 'page' | 'context'>): Promise<VirtualAuthenticator> {
    const session = await context.newCDPSession(page)
    await session.send('WebAuthn.enable')
    const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    })
    return new VirtualAuthenticator(session, authenticatorId)
  }

  /** The passkeys on it: site (the RP id), and how often each was used. */
  async passkeys(): Promise<
    readonly { readonly credentialId: string; readonly site: string; readonly used: number }[]
  > {
    const { credentials } = await this.#session.send('WebAuthn.getCredentials', {
      authenticatorId: this.#authenticatorId,
    })
    return credentials.map((one) => ({
      credentialId: one.credentialId,
      site: one.rpId ?? '',
      used: one.signCount,
    }))
  }

  /** Whether its user is the right one from now on. */
  async verifiesUser(isUserVerified: boolean): Promise<void> {
    await this.#session.send('WebAuthn.setUserVerified', { authenticatorId: this.#authenticatorId, isUserVerified })
  }

  /** Takes it away, with its passkeys. */
  async unplug(): Promise<void> {
    await this.#session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: this.#authenticatorId })
    await this.#session.detach()
  }
}
