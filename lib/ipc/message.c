/* SPDX-License-Identifier: Apache-2.0 */
/* The codec: message.def becomes a table of fields, which one loop each way walks. */
#include "lib/ipc/message.h"

#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"

enum field_kind { FIELD_END, FIELD_UINT, FIELD_ADDR, FIELD_BYTES };

struct field {
	enum field_kind kind;
	uint32_t offset; /* in the message's struct */
	uint32_t size;   /* UINT: bytes; BYTES: maximum */
};

struct message_kind {
	const char *name;
	unsigned from;
	unsigned to;
	unsigned fds;
	const struct field *(*fields)(void);
};

/* Inside each function `self` is that message's struct, which the fields' offsets need. */
#define U8(name)         {FIELD_UINT, offsetof(self, name), 1},
#define U16(name)        {FIELD_UINT, offsetof(self, name), 2},
#define U32(name)        {FIELD_UINT, offsetof(self, name), 4},
#define U64(name)        {FIELD_UINT, offsetof(self, name), 8},
#define I32(name)        {FIELD_UINT, offsetof(self, name), 4},
#define ADDR(name)       {FIELD_ADDR, offsetof(self, name), 17},
#define BYTES(name, max) {FIELD_BYTES, offsetof(self, name), max},
#define TEXT(name, max)  {FIELD_BYTES, offsetof(self, name), max},
#define MESSAGE(NAME, name, senders, receivers, nfds, list)                                        \
	static const struct field *fields_of_##name(void)                                          \
	{                                                                                          \
		typedef struct ipc_##name self;                                                    \
		static const struct field fields[] = {list{FIELD_END, 0, 0}};                      \
                                                                                                   \
		return fields;                                                                     \
	}
#include "lib/ipc/message.def"
#undef MESSAGE

#define P IPC_PARENT
#define W IPC_WIRE
#define K IPC_WORKER
#define S IPC_KEYS
#define C IPC_CONTROL
#define L IPC_LINK
static const struct message_kind kinds[IPC_TYPE_END] = {
#define MESSAGE(NAME, name, senders, receivers, nfds, list)                                        \
	[IPC_##NAME] = {#NAME, senders, receivers, nfds, fields_of_##name},
#include "lib/ipc/message.def"
#undef MESSAGE
};
#undef P
#undef W
#undef K
#undef S
#undef C
#undef L

enum { HEADER_LEN = 2 }; /* the type */

static const struct message_kind *kind_of(unsigned type)
{
	return type > IPC_NONE && type < IPC_TYPE_END ? &kinds[type] : NULL;
}

const char *ipc_type_name(enum ipc_type type)
{
	const struct message_kind *kind = kind_of(type);

	return kind ? kind->name : "?";
}

bool ipc_may(enum ipc_type type, enum ipc_role from, enum ipc_role to)
{
	const struct message_kind *kind = kind_of(type);

	return kind && (kind->from & (unsigned)from) && (kind->to & (unsigned)to);
}

unsigned ipc_fds_of(enum ipc_type type)
{
	const struct message_kind *kind = kind_of(type);

	return kind ? kind->fds : 0;
}

struct writer {
	uint8_t *at;
	uint8_t *end;
};

static int write_uint(struct writer *w, uint64_t v, size_t bytes)
{
	if ((size_t)(w->end - w->at) < bytes)
		return SL_ELIMIT;
	for (size_t i = 0; i < bytes; i++)
		*w->at++ = (uint8_t)(v >> (8 * i));
	return 0;
}

static int write_raw(struct writer *w, const void *data, size_t len)
{
	if ((size_t)(w->end - w->at) < len)
		return SL_ELIMIT;
	if (len > 0)
		memcpy(w->at, data, len);
	w->at += len;
	return 0;
}

static uint64_t load_uint(const uint8_t *p, uint32_t size)
{
	uint64_t v = 0;

	memcpy(&v, p, size); /* the host is little-endian; meson.build refuses another */
	return v;
}

static int encode_field(struct writer *w, const struct field *f, const uint8_t *p)
{
	struct ipc_bytes bytes;
	int rc;

	switch (f->kind) {
	case FIELD_UINT:
		return write_uint(w, load_uint(p, f->size), f->size);
	case FIELD_ADDR:
		return write_raw(w, p, f->size);
	case FIELD_BYTES:
		memcpy(&bytes, p, sizeof(bytes));
		if (bytes.len > f->size)
			return SL_ERANGE;
		rc = write_uint(w, bytes.len, 4);
		return rc == 0 ? write_raw(w, bytes.data, bytes.len) : rc;
	case FIELD_END:
		break;
	}
	return SL_EINVAL;
}

int ipc_encode(const struct ipc_message *msg, uint8_t *out, size_t size, size_t *ret_len)
{
	const struct message_kind *kind = kind_of(msg->type);
	const uint8_t *body = (const uint8_t *)msg + offsetof(struct ipc_message, peer);
	struct writer w = {out, out + size};
	int rc;

	if (!kind)
		return SL_EINVAL;
	rc = write_uint(&w, msg->type, HEADER_LEN);
	for (const struct field *f = kind->fields(); rc == 0 && f->kind != FIELD_END; f++)
		rc = encode_field(&w, f, body + f->offset);
	if (rc == 0)
		*ret_len = (size_t)(w.at - out);
	return rc;
}

static int decode_bytes(struct reader *r, const struct field *f, uint8_t *p)
{
	struct ipc_bytes bytes = {.len = (uint32_t)reader_uint_le(r, 4)};

	if (r->failed)
		return SL_EMALFORMED;
	if (bytes.len > f->size)
		return SL_ERANGE;
	bytes.data = reader_take(r, bytes.len);
	memcpy(p, &bytes, sizeof(bytes));
	return 0;
}

static int decode_field(struct reader *r, const struct field *f, uint8_t *p)
{
	const uint8_t *raw;
	uint64_t v;

	switch (f->kind) {
	case FIELD_UINT:
		v = reader_uint_le(r, f->size);
		memcpy(p, &v, f->size);
		return 0;
	case FIELD_ADDR:
		raw = reader_take(r, f->size);
		if (raw)
			memcpy(p, raw, f->size);
		return 0;
	case FIELD_BYTES:
		return decode_bytes(r, f, p);
	case FIELD_END:
		break;
	}
	return SL_EINVAL;
}

int ipc_decode(const uint8_t *data, size_t len, struct ipc_message *ret_msg)
{
	struct reader r = reader_of(data, len);
	unsigned type = (unsigned)reader_uint_le(&r, HEADER_LEN);
	const struct message_kind *kind = kind_of(type);
	struct ipc_message msg = {.type = (enum ipc_type)type};
	uint8_t *body = (uint8_t *)&msg + offsetof(struct ipc_message, peer);
	int rc = 0;

	if (r.failed || !kind)
		return SL_EMALFORMED;
	for (const struct field *f = kind->fields(); rc == 0 && f->kind != FIELD_END; f++)
		rc = decode_field(&r, f, body + f->offset);
	if (rc != 0)
		return rc;
	if (r.failed || reader_left(&r) != 0)
		return SL_EMALFORMED;
	*ret_msg = msg;
	return 0;
}
