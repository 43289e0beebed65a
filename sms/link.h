/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to the server, over libcurl: HTTPS only, the server's certificate verified by a CA
 * file or by the SHA-256 of the certificate itself. Nothing is sent before that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

struct link;

enum {
	LINK_PIN_MAX = 65, /* SHA-256 in hexadecimal digits, NUL included */
	LINK_ETAG_MAX = 40,
	LINK_COOKIE_MAX = 128,
	LINK_TEXT_MAX = 512,
	LINK_ANSWER_MAX = 64 * 1024 * 1024,
	LINK_CONNECT_S = 15,
	LINK_SILENT_S = 60, /* of an answer that goes on: the server says something in 15 */
	LINK_TOTAL_S = 120, /* a PKCS12 file may be a slow password hash away */
};

struct link_options {
	const char *server; /* "https://name:port" */
	const char *ca;     /* file; NULL: the pin decides */
	const char *pin;    /* LINK_PIN_MAX - 1 digits; NULL and no `ca`: nobody is trusted */
};

/* A piece of an answer that goes on; false: enough. */
typedef bool link_take_fn(void *arg, const char *data, size_t len);

struct link_request {
	const char *method;
	const char *path;   /* below /api/v1, with its query */
	const json_t *body; /* NULL: none */
	const void *data;   /* bytes as a body instead; NULL: none */
	size_t data_len;
	const char *if_match; /* "" or NULL: none */
	bool may_miss;        /* 404 is an answer, and no refusal to be told */
	/* NULL: the answer is whole. Else a 200's body comes to this and is in no answer; it takes
	 * as long as it takes, but is never silent for LINK_SILENT_S. */
	link_take_fn *take;
	void *take_arg;
};

struct link_credentials {
	const char *token;  /* goes before the session's; each may be NULL */
	const char *cookie; /* the value of sluice_session */
	const char *csrf;
};

struct link_answer {
	long status;
	bool is_json;
	char etag[LINK_ETAG_MAX];
	char cookie[LINK_COOKIE_MAX]; /* the value of a sluice_session that was set; "" */
	struct buf body;
};

/* SL_EINVAL: `server` is no https URL. SL_ENOMEM. The texts of `options` are copied. */
int link_open(const struct link_options *options, struct link **ret_link) SL_NONNULL(1, 2) SL_MUST;
void link_close(struct link *link);

/* SL_EREFUSED: the certificate is not to be trusted; SL_ECLOSED: no server. `why` has a sentence.
 */
int link_call(struct link *link, const struct link_request *request,
              const struct link_credentials *credentials, struct link_answer *ret_answer,
              char why[LINK_TEXT_MAX]) SL_NONNULL(1, 2, 3, 4, 5) SL_MUST;
/* Wipes the body. */
void link_answer_fini(struct link_answer *answer) SL_NONNULL(1);

/* SHA-256 of the certificate that the server showed last, whether trusted or not; "" before. */
const char *link_seen(const struct link *link) SL_NONNULL(1);

/* Digits of a pin as people write them (colons, upper case, "sha256:") in `ret_pin`. SL_EINVAL. */
int link_pin_parse(const char *text, char ret_pin[LINK_PIN_MAX]) SL_NONNULL(1, 2) SL_MUST;
