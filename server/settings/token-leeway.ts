// Clock skew (RFC 7519 §4.1.4: "some small leeway"): how far the clock of a token's issuer may be from ours unless a setting says otherwise, s.

export const leewayDefaultS = 5
