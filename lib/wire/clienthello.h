/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS ClientHello as a stranger reads it: from the first bytes of a TCP stream, before any TLS
 * library has seen them (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2, RFC 6066). The message
 * may lie in any number of records and pieces, up to CLIENTHELLO_MAX bytes. It is judged for form
 * only as far as a decision needs; unknown extensions and GREASE values (RFC 8701) are passed over.
 *
 * Nothing is copied but a message that spans records: views point into the caller's bytes or into
 * the caller's scratch and live as long as those. Worker's thread and the fuzzer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum {
	CLIENTHELLO_MAX = 64 * 1024, /* bytes of the handshake message with its header */
	CLIENTHELLO_NAME_MAX = 255,  /* bytes of a host name */
};

/* Versions as bits, so that sets compare with one AND. */
enum clienthello_version {
	CLIENTHELLO_SSL3 = 1 << 0,
	CLIENTHELLO_TLS1_0 = 1 << 1,
	CLIENTHELLO_TLS1_1 = 1 << 2,
	CLIENTHELLO_TLS1_2 = 1 << 3,
	CLIENTHELLO_TLS1_3 = 1 << 4,
};

struct clienthello_view {
	const uint8_t *data;
	size_t len;
};

struct clienthello {
	uint16_t record_version;        /* of the first record */
	uint16_t legacy_version;        /* of the message */
	unsigned versions;              /* offered: enum clienthello_version bits */
	size_t stream_len;              /* bytes of the stream up to the end of the message */
	size_t message_len;             /* bytes of the message with its header */
	struct clienthello_view random; /* 32 bytes */
	struct clienthello_view session_id;
	struct clienthello_view suites;     /* big-endian 16-bit values */
	struct clienthello_view groups;     /* the same; empty when the extension is missing */
	struct clienthello_view sigalgs;    /* the same */
	struct clienthello_view sni;        /* host name without a terminator; empty: none */
	struct clienthello_view extensions; /* (type, length, body), as on the wire */
	struct clienthello_view alpn;       /* list of (length, name), as on the wire */
	bool compression;                   /* a method other than null is offered (R122) */
	bool no_compression;                /* null is */
	bool psk;                           /* pre_shared_key: a TLS 1.3 ticket is offered */
	bool ticket;                        /* session_ticket with content: a TLS 1.2 ticket */
	bool early_data;                    /* 0-RTT is offered */
	bool ech;                           /* encrypted_client_hello */
	bool encrypt_then_mac;              /* RFC 7366 */
};

/*
 * Reads a ClientHello from the first `len` bytes of a client's stream. `scratch` has
 * CLIENTHELLO_MAX bytes and is used only when the message spans records.
 *
 * 0            whole and well-formed; *ret is set
 * SL_EAGAIN    well-formed so far, more bytes are needed
 * SL_EMISMATCH these bytes do not begin a TLS handshake
 * SL_EMALFORMED a handshake that is no well-formed ClientHello
 * SL_ELIMIT    longer than CLIENTHELLO_MAX
 */
int clienthello_parse(const uint8_t *data, size_t len, uint8_t *scratch, struct clienthello *ret)
        SL_NONNULL(1, 3, 4) SL_MUST;

/* The same; SL_ELIMIT for one that is longer than `most` too. */
int clienthello_parse_within(const uint8_t *data, size_t len, size_t most, uint8_t *scratch,
                             struct clienthello *ret) SL_NONNULL(1, 4, 5) SL_MUST;

/* Whether a list of big-endian 16-bit values holds `value`. */
bool clienthello_list_has(const struct clienthello_view *list, uint16_t value) SL_NONNULL(1);

/* A value that RFC 8701 reserves so that peers learn to ignore what they do not know. */
bool clienthello_is_grease(uint16_t value);

/* Bit of a protocol version on the wire, 0 for one that is none. */
unsigned clienthello_version_bit(uint16_t wire_version);

/* Walks an ALPN list: the next name into *ret_name; false at its end. *at begins at 0. */
bool clienthello_alpn_next(const struct clienthello_view *alpn, size_t *at,
                           struct clienthello_view *ret_name) SL_NONNULL(1, 2, 3);

/* Whether the stream begins with the preface of HTTP/2 (RFC 9113 section 3.4), or a part of it. */
bool clienthello_is_http2_preface(const uint8_t *data, size_t len) SL_NONNULL(1);
