/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between tpsd's processes: typed, bounded, encoded field by field (little-endian), never
 * raw structs. A process trusts no message: it is checked for type, sender, receiver, length of
 * each field and for bytes left over. message.def is the table. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/attr.h"

/* Process roles (docs/internals/processes.md); bits, so that the table can name sets. */
enum ipc_role {
	IPC_PARENT = 1 << 0,
	IPC_WIRE = 1 << 1,
	IPC_WORKER = 1 << 2,
	IPC_KEYS = 1 << 3,
	IPC_CONTROL = 1 << 4,
	IPC_LINK = 1 << 5,
};

/* Bytes of a decoded message: they lie in the buffer it was decoded from. */
struct ipc_bytes {
	const uint8_t *data;
	uint32_t len;
};

/* Text of a decoded message: as ipc_bytes, not NUL-terminated; "%.*s" with IPC_TEXT(). */
struct ipc_text {
	const char *data;
	uint32_t len;
};

#define IPC_TEXT(t)    (int)(t).len, (t).len ? (t).data : ""
#define ipc_text_of(s) ((struct ipc_text){.data = (s), .len = (uint32_t)strlen(s)})

#define U8(name)         uint8_t name;
#define U16(name)        uint16_t name;
#define U32(name)        uint32_t name;
#define U64(name)        uint64_t name;
#define I32(name)        int32_t name;
#define ADDR(name)       struct addr name;
#define BYTES(name, max) struct ipc_bytes name;
#define TEXT(name, max)  struct ipc_text name;
#define MESSAGE(NAME, name, from, to, fds, fields)                                                 \
	struct ipc_##name {                                                                        \
		fields                                                                             \
	};
#include "lib/ipc/message.def"
#undef MESSAGE

enum ipc_type {
	IPC_NONE = 0,
#define MESSAGE(NAME, name, from, to, fds, fields) IPC_##NAME,
#include "lib/ipc/message.def"
#undef MESSAGE
	IPC_TYPE_END
};

/* Any message, decoded. */
struct ipc_message {
	enum ipc_type type;
	union {
#define MESSAGE(NAME, name, from, to, fds, fields) struct ipc_##name name;
#include "lib/ipc/message.def"
#undef MESSAGE
	};
};
#undef U8
#undef U16
#undef U32
#undef U64
#undef I32
#undef ADDR
#undef BYTES
#undef TEXT

enum {
	IPC_MESSAGE_MAX =
	        192 * 1024, /* bytes of any encoded message; the largest field plus room */
	IPC_FDS_MAX = 2,
};

/* VERDICT.action */
enum ipc_action { IPC_FORWARD = 0, IPC_TAKE = 1, IPC_DROP = 2, IPC_MORE = 3 };
/* VERDICT.reset: which ends of a dropped flow get a RST. */
enum ipc_reset {
	IPC_RESET_NONE = 0,
	IPC_RESET_CLIENT = 1,
	IPC_RESET_SERVER = 2,
	IPC_RESET_BOTH = 3
};

/* HELLO.flags */
enum ipc_hello_flag {
	IPC_HELLO_SERVER_FIRST = 1 << 0, /* `bytes` are the server's: it spoke before the client */
	IPC_HELLO_FIN = 1 << 1,          /* nothing follows from that side */
	IPC_HELLO_TIMED_OUT = 1 << 2,    /* incomplete_hello_wait passed: `more` is no answer now */
	IPC_HELLO_SILENT = 1 << 3,       /* no byte came in no_handshake_timeout (R21) */
};

/* SIGN.algorithm: how the digest is to be signed. */
enum ipc_algorithm {
	IPC_SIGN_RSA_PKCS1 = 1, /* + digest << 8 */
	IPC_SIGN_RSA_PSS = 2,   /* salt as long as the digest */
	IPC_SIGN_ECDSA = 3,
};
enum ipc_digest {
	IPC_MD5_SHA1 = 1,
	IPC_SHA1 = 2,
	IPC_SHA224 = 3,
	IPC_SHA256 = 4,
	IPC_SHA384 = 5,
	IPC_SHA512 = 6,
};

/* "HELLO"; "?" for a number that is none. */
const char *ipc_type_name(enum ipc_type type);

/* Whether the table lets `from` send `type` to `to`. */
bool ipc_may(enum ipc_type type, enum ipc_role from, enum ipc_role to);

/* Descriptors that go with a type. */
unsigned ipc_fds_of(enum ipc_type type);

/*
 * Encodes into `out` (`size` bytes). SL_ERANGE when a field is longer than the table allows,
 * SL_ELIMIT when `out` is too small.
 */
int ipc_encode(const struct ipc_message *msg, uint8_t *out, size_t size, size_t *ret_len)
        SL_NONNULL(1, 2, 4) SL_MUST;

/* Decodes; bytes and texts point into `data`. SL_EMALFORMED or SL_ERANGE; never reads past `len`.
 */
int ipc_decode(const uint8_t *data, size_t len, struct ipc_message *ret_msg)
        SL_NONNULL(1, 3) SL_MUST;
