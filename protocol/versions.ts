// Versions on the wire. Numbers are forever: add, never reuse.

/** The WebSocket subprotocol of phones and hubs. */
export const subprotocol = 'bandpass.v1'
/** The phone protocol version a hello states. */
export const phoneProtocolVersion = 1
/** The version byte of every band record. */
export const recordVersion = 1
/** The version byte of a BandCert. */
export const bandCertVersion = 1
