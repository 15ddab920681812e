// Protocol version numbers and GATT UUIDs of the wire. Numbers are forever: add, never reuse.

/** The WebSocket subprotocol of phones and hubs. */
export const subprotocol = 'bandpass.v1'
/** The phone protocol version a hello states. */
export const phoneProtocolVersion = 1
/** The version byte of every band record. */
export const recordVersion = 1
/** The version byte of a BandCert. */
export const bandCertVersion = 1
/** A band's GATT service, and its characteristics: RX is written by the phone, TX notifies it (PROTOCOL §6). */
export const gattUuids = {
  service: '35a0bac1-cc44-499e-9c5d-cab0075b51ad',
  rx: '35a0bac2-cc44-499e-9c5d-cab0075b51ad',
  tx: '35a0bac3-cc44-499e-9c5d-cab0075b51ad',
} as const
