/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/wire/clienthello.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"

enum {
	RECORD_HEADER = 5,
	RECORD_MAX = 1 << 14,
	RECORD_HANDSHAKE = 22,
	MESSAGE_HEADER = 4,
	MESSAGE_CLIENT_HELLO = 1,
	RANDOM_LEN = 32,
	SESSION_ID_MAX = 32,
};

enum extension {
	EXT_SERVER_NAME = 0,
	EXT_GROUPS = 10,
	EXT_SIGNATURE_ALGORITHMS = 13,
	EXT_ALPN = 16,
	EXT_ENCRYPT_THEN_MAC = 22,
	EXT_SESSION_TICKET = 35,
	EXT_PRE_SHARED_KEY = 41,
	EXT_EARLY_DATA = 42,
	EXT_SUPPORTED_VERSIONS = 43,
	EXT_ECH = 0xfe0d,
};

bool clienthello_is_grease(uint16_t value)
{
	return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

unsigned clienthello_version_bit(uint16_t wire_version)
{
	if (wire_version < 0x0300 || wire_version > 0x0304)
		return 0;
	return 1u << (wire_version - 0x0300);
}

bool clienthello_list_has(const struct clienthello_view *list, uint16_t value)
{
	for (size_t i = 0; i + 1 < list->len; i += 2)
		if ((list->data[i] << 8 | list->data[i + 1]) == value)
			return true;
	return false;
}

bool clienthello_alpn_next(const struct clienthello_view *alpn, size_t *at,
                           struct clienthello_view *ret_name)
{
	size_t len;

	if (*at >= alpn->len)
		return false;
	len = alpn->data[*at];
	if (len > alpn->len - *at - 1)
		return false;
	*ret_name = (struct clienthello_view){alpn->data + *at + 1, len};
	*at += 1 + len;
	return true;
}

bool clienthello_is_http2_preface(const uint8_t *data, size_t len)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	size_t n = SL_MIN(len, sizeof(preface) - 1);

	return n >= 3 && memcmp(data, preface, n) == 0;
}

static struct clienthello_view view_of(struct reader *r, size_t len)
{
	const uint8_t *p = reader_take(r, len);

	return (struct clienthello_view){p, p ? len : 0};
}

/* A list of 16-bit values behind its length, which must be even and not 0 (RFC 8446). */
static struct clienthello_view read_list16(struct reader *r)
{
	size_t len = reader_be16(r);

	if (len == 0 || len % 2 != 0)
		r->failed = true;
	return view_of(r, len);
}

/* One host name; names with a NUL or other bytes that no host name has are malformed. */
static void read_sni(struct reader *r, struct clienthello *h)
{
	struct reader list = reader_sub(r, reader_be16(r));

	while (reader_left(&list) > 0 && !list.failed) {
		uint8_t type = reader_u8(&list);
		struct clienthello_view name = view_of(&list, reader_be16(&list));

		if (type != 0)
			continue;
		if (h->sni.len > 0 || name.len == 0 || name.len > CLIENTHELLO_NAME_MAX)
			list.failed = true;
		for (size_t i = 0; i < name.len; i++)
			if (name.data[i] <= ' ' || name.data[i] >= 0x7f)
				list.failed = true;
		h->sni = name;
	}
	r->failed |= list.failed;
}

static void read_alpn(struct reader *r, struct clienthello *h)
{
	struct clienthello_view list = view_of(r, reader_be16(r));
	struct reader names = reader_of(list.data, list.len);

	if (list.len == 0)
		r->failed = true;
	while (reader_left(&names) > 0 && !names.failed) {
		size_t len = reader_u8(&names);

		if (len == 0)
			names.failed = true;
		(void)reader_take(&names, len);
	}
	r->failed |= names.failed;
	h->alpn = list;
}

static void read_versions(struct reader *r, struct clienthello *h)
{
	size_t len = reader_u8(r);
	struct reader list = reader_sub(r, len);

	if (len == 0 || len % 2 != 0)
		r->failed = true;
	h->versions = 0;
	while (reader_left(&list) > 0 && !list.failed)
		h->versions |= clienthello_version_bit(reader_be16(&list));
}

/* What the decision does not need is not read: the TLS library judges it in the handshake. */
static void read_extension(uint16_t type, struct reader *body, struct clienthello *h)
{
	switch (type) {
	case EXT_SERVER_NAME:
		read_sni(body, h);
		break;
	case EXT_GROUPS:
		h->groups = read_list16(body);
		break;
	case EXT_SIGNATURE_ALGORITHMS:
		h->sigalgs = read_list16(body);
		break;
	case EXT_ALPN:
		read_alpn(body, h);
		break;
	case EXT_SUPPORTED_VERSIONS:
		read_versions(body, h);
		break;
	case EXT_ENCRYPT_THEN_MAC:
		h->encrypt_then_mac = true;
		break;
	case EXT_SESSION_TICKET:
		h->ticket = reader_left(body) > 0;
		(void)reader_take(body, reader_left(body));
		break;
	default:
		h->psk |= type == EXT_PRE_SHARED_KEY;
		h->early_data |= type == EXT_EARLY_DATA;
		h->ech |= type == EXT_ECH;
		(void)reader_take(body, reader_left(body));
		break;
	}
	if (reader_left(body) > 0)
		body->failed = true;
}

/* Extensions we read may come once only; the bit of a type, 0 for those we do not read. */
static unsigned seen_bit(uint16_t type)
{
	if (type < 31)
		return 1u << type;
	return type == EXT_SUPPORTED_VERSIONS ? 1u << 31 : 0;
}

static void read_extensions(struct reader *r, struct clienthello *h)
{
	struct reader list = reader_sub(r, reader_be16(r));
	unsigned seen = 0;

	h->extensions = (struct clienthello_view){list.at, reader_left(&list)};
	while (reader_left(&list) > 0 && !list.failed) {
		uint16_t type = reader_be16(&list);
		struct reader body = reader_sub(&list, reader_be16(&list));

		if (body.failed || (seen & seen_bit(type)))
			list.failed = true;
		seen |= seen_bit(type);
		if (!list.failed)
			read_extension(type, &body, h);
		list.failed |= body.failed;
	}
	r->failed |= list.failed;
}

/* Every version up to the legacy one is on offer when supported_versions is missing. */
static unsigned versions_up_to(uint16_t legacy)
{
	unsigned bit = clienthello_version_bit(SL_MIN(legacy, 0x0303));

	return bit ? bit * 2 - 1 : 0;
}

static int parse_body(struct reader r, struct clienthello *h)
{
	struct clienthello_view compressions;

	h->legacy_version = reader_be16(&r);
	h->versions = versions_up_to(h->legacy_version);
	h->random = view_of(&r, RANDOM_LEN);
	h->session_id = view_of(&r, reader_u8(&r));
	h->suites = read_list16(&r);
	compressions = view_of(&r, reader_u8(&r));
	if (r.failed || h->session_id.len > SESSION_ID_MAX || compressions.len == 0)
		return SL_EMALFORMED;
	for (size_t i = 0; i < compressions.len; i++) {
		h->compression |= compressions.data[i] != 0;
		h->no_compression |= compressions.data[i] == 0;
	}
	if (reader_left(&r) > 0)
		read_extensions(&r, h);
	return r.failed || reader_left(&r) > 0 ? SL_EMALFORMED : 0;
}

/*
 * Goes from record to record and gathers the message. `*at` is the place in the stream. A message
 * that lies in one record is used where it stands.
 */
struct gather {
	struct reader in;
	uint8_t *scratch;
	size_t most;            /* bytes of the message */
	const uint8_t *message; /* in the stream or in scratch */
	size_t have;            /* bytes of it so far */
	size_t want;            /* its length when known, else the header's */
};

static int take_fragment(struct gather *g, const uint8_t *data, size_t len)
{
	size_t used = SL_MIN(len, CLIENTHELLO_MAX - g->have);

	if (!g->message) {
		g->message = data;
	} else {
		if (g->message != g->scratch)
			memcpy(g->scratch, g->message, g->have);
		g->message = g->scratch;
		memcpy(g->scratch + g->have, data, used);
	}
	g->have += used;
	return 0;
}

static int learn_length(struct gather *g)
{
	if (g->have >= 1 && g->message[0] != MESSAGE_CLIENT_HELLO)
		return SL_EMALFORMED;
	if (g->have < MESSAGE_HEADER)
		return 0;
	g->want = MESSAGE_HEADER +
	          ((size_t)g->message[1] << 16 | (size_t)g->message[2] << 8 | g->message[3]);
	return g->want > g->most ? SL_ELIMIT : 0;
}

/* The part of a record that is there, at least one byte. */
static int read_record(struct gather *g, struct clienthello *h)
{
	size_t there = reader_left(&g->in);
	const uint8_t *p = g->in.at;
	size_t len, part;
	int rc;

	if (there == 0)
		return SL_EAGAIN;
	if (p[0] != RECORD_HANDSHAKE || (there > 1 && p[1] != 3) || (there > 2 && p[2] > 4))
		return g->have ? SL_EMALFORMED : SL_EMISMATCH;
	if (there < RECORD_HEADER)
		return SL_EAGAIN;
	len = (size_t)p[3] << 8 | p[4];
	if (len == 0 || len > RECORD_MAX)
		return g->have ? SL_EMALFORMED : SL_EMISMATCH;
	if (!g->message)
		h->record_version = (uint16_t)(p[1] << 8 | p[2]);
	part = SL_MIN(len, there - RECORD_HEADER);
	g->in.at += RECORD_HEADER + part;
	rc = part > 0 ? take_fragment(g, p + RECORD_HEADER, part) : 0;
	if (rc == 0)
		rc = learn_length(g);
	if (rc == 0 && part < len && g->have < g->want)
		return SL_EAGAIN;
	return rc;
}

int clienthello_parse_within(const uint8_t *data, size_t len, size_t most, uint8_t *scratch,
                             struct clienthello *ret)
{
	struct gather g = {.in = reader_of(data, len),
	                   .scratch = scratch,
	                   .most = SL_MIN(most, (size_t)CLIENTHELLO_MAX),
	                   .want = MESSAGE_HEADER};
	struct clienthello h = {0};
	int rc = 0;

	while (rc == 0 && g.have < g.want)
		rc = read_record(&g, &h);
	if (rc != 0)
		return rc;
	/* More handshake bytes in the same record: no client sends any before the answer. */
	if (g.have > g.want)
		return SL_EMALFORMED;
	h.message_len = g.want;
	h.stream_len = (size_t)(g.in.at - data);
	rc = parse_body(reader_of(g.message + MESSAGE_HEADER, g.want - MESSAGE_HEADER), &h);
	if (rc == 0)
		*ret = h;
	return rc;
}

int clienthello_parse(const uint8_t *data, size_t len, uint8_t *scratch, struct clienthello *ret)
{
	return clienthello_parse_within(data, len, CLIENTHELLO_MAX, scratch, ret);
}
