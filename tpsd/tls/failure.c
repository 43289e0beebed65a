/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/failure.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tpsd/tls/tls_leg.h"

struct meaning {
	int code;
	enum reason client, server; /* on which leg */
};

/* What our side of the handshake did not like, by OpenSSL's reason code. */
static const struct meaning local_errors[] = {
        {SSL_R_UNSUPPORTED_PROTOCOL, REASON_CLIENT_VERSION, REASON_SERVER_VERSION},
        {SSL_R_WRONG_SSL_VERSION, REASON_CLIENT_VERSION, REASON_SERVER_VERSION},
        {SSL_R_VERSION_TOO_LOW, REASON_CLIENT_VERSION, REASON_SERVER_VERSION},
        {SSL_R_INAPPROPRIATE_FALLBACK, REASON_CLIENT_VERSION, REASON_PROTOCOL_SERVER},
        {SSL_R_NO_SHARED_CIPHER, REASON_CLIENT_SUITE, REASON_SERVER_SUITE},
        {SSL_R_NO_SHARED_GROUPS, REASON_CLIENT_SUITE, REASON_SERVER_SUITE},
        {SSL_R_NO_SUITABLE_KEY_SHARE, REASON_CLIENT_SUITE, REASON_SERVER_SUITE},
        {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, REASON_CLIENT_SUITE, REASON_SERVER_SUITE},
        {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, REASON_CLIENT_SUITE, REASON_SERVER_SUITE},
        {SSL_R_WRONG_CIPHER_RETURNED, REASON_PROTOCOL_CLIENT, REASON_SERVER_SUITE},
        {SSL_R_UNKNOWN_CIPHER_RETURNED, REASON_PROTOCOL_CLIENT, REASON_SERVER_SUITE},
        {SSL_R_WRONG_SIGNATURE_TYPE, REASON_PROTOCOL_CLIENT, REASON_SERVER_SUITE},
        {SSL_R_DH_KEY_TOO_SMALL, REASON_PROTOCOL_CLIENT, REASON_SERVER_SUITE},
        {SSL_R_EE_KEY_TOO_SMALL, REASON_PROTOCOL_CLIENT, REASON_SERVER_SUITE},
        {ERR_R_MALLOC_FAILURE, REASON_INTERNAL, REASON_INTERNAL},
        {ERR_R_INTERNAL_ERROR, REASON_INTERNAL, REASON_INTERNAL},
};

/* What the other side's alert says in the handshake. */
static const struct meaning peer_alerts[] = {
        {SSL_AD_PROTOCOL_VERSION, REASON_CLIENT_ALERT, REASON_SERVER_VERSION},
        {SSL_AD_HANDSHAKE_FAILURE, REASON_CLIENT_ALERT, REASON_SERVER_SUITE},
        {SSL_AD_INSUFFICIENT_SECURITY, REASON_CLIENT_ALERT, REASON_SERVER_SUITE},
        {SSL_AD_CERTIFICATE_REQUIRED, REASON_CLIENT_ALERT, REASON_CLIENT_CERTIFICATE},
};

static enum reason look_up(const struct meaning *table, size_t n, int code, enum leg_side side,
                           enum reason otherwise)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].code == code)
			return side == LEG_CLIENT ? table[i].client : table[i].server;
	return otherwise;
}

static enum reason reason_of(const struct leg *leg, const struct tls_leg *tl)
{
	unsigned long error = ERR_peek_error();
	int code = ERR_GET_REASON(error);
	bool client = leg->side == LEG_CLIENT;
	enum reason otherwise = client ? REASON_PROTOCOL_CLIENT : REASON_PROTOCOL_SERVER;

	if (tl->accept && tl->accept->wait.status != 0)
		return REASON_KEYS_UNAVAILABLE;
	if (tl->certificate_wanted && tl->alert_received != TLS_NO_ALERT)
		return REASON_CLIENT_CERTIFICATE;
	if (tl->established)
		return otherwise;
	if (tl->alert_received != TLS_NO_ALERT)
		return look_up(peer_alerts, SL_ARRAY_LEN(peer_alerts), tl->alert_received,
		               leg->side, client ? REASON_CLIENT_ALERT : REASON_SERVER_ALERT);
	return look_up(local_errors, SL_ARRAY_LEN(local_errors), code, leg->side, otherwise);
}

void tls_failure_note(struct leg *leg, const struct tls_leg *tl, int err)
{
	unsigned long error = ERR_peek_error();
	bool client = leg->side == LEG_CLIENT;
	bool eof = ERR_GET_LIB(error) == ERR_LIB_SSL &&
	           ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING;

	if (error == 0 || ERR_GET_LIB(error) == ERR_LIB_SYS) {
		leg->end = err ? LEG_RESET : LEG_TRUNCATED;
		leg->reason = client ? REASON_CLIENT_RESET : REASON_SERVER_RESET;
		if (!err)
			leg->reason = client ? REASON_TRUNCATED_CLIENT : REASON_TRUNCATED_SERVER;
	} else if (eof) {
		leg->end = LEG_TRUNCATED;
		leg->reason = client ? REASON_TRUNCATED_CLIENT : REASON_TRUNCATED_SERVER;
	} else {
		leg->end = LEG_BROKEN;
		leg->reason = reason_of(leg, tl);
	}
}

const char *tls_alert_name(unsigned description)
{
	static const char *const names[] = {
	        [0] = "close_notify",
	        [10] = "unexpected_message",
	        [20] = "bad_record_mac",
	        [22] = "record_overflow",
	        [40] = "handshake_failure",
	        [42] = "bad_certificate",
	        [43] = "unsupported_certificate",
	        [44] = "certificate_revoked",
	        [45] = "certificate_expired",
	        [46] = "certificate_unknown",
	        [47] = "illegal_parameter",
	        [48] = "unknown_ca",
	        [49] = "access_denied",
	        [50] = "decode_error",
	        [51] = "decrypt_error",
	        [70] = "protocol_version",
	        [71] = "insufficient_security",
	        [80] = "internal_error",
	        [86] = "inappropriate_fallback",
	        [90] = "user_canceled",
	        [100] = "no_renegotiation",
	        [109] = "missing_extension",
	        [110] = "unsupported_extension",
	        [112] = "unrecognized_name",
	        [113] = "bad_certificate_status_response",
	        [115] = "unknown_psk_identity",
	        [116] = "certificate_required",
	        [120] = "no_application_protocol",
	};

	if (description == TLS_NO_ALERT)
		return "";
	if (description < SL_ARRAY_LEN(names) && names[description])
		return names[description];
	return "unknown";
}
