/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alt-Svc in a response (RFC 7838): where else the server can be had. A client that follows it to
 * QUIC (h3, h3-NN, hq …) speaks past whoever reads its TCP, so those alternatives are taken out, in
 * place and with blanks: no length changes, and no length that is said in the message is wrong.
 *
 *     Alt-Svc: h2=":443", h3=":443"; ma=60      the alternative, with one comma
 *     Date: …CR LF Alt-Svc: h3=":443"           the whole field with the line end before it: blanks
 *                                               behind the line before are part of nothing
 *
 * What cannot be read as a list (a quoted string without end) goes whole. Trailers are a stream:
 * there the value of the field goes whole. Data path, no allocation.
 */
#pragma once

#include "tse/proto/head.h"

/* Takes them out of a header block. `data` is what `head` was read from, at head->start. */
void altsvc_hide(const struct http_head *head, uint8_t *data) SL_NONNULL(1, 2);

/* How far a trailer was read; all zero where it begins. */
struct altsvc_trailer {
	uint8_t at; /* bytes of the field's name that match so far, or enum altsvc_place */
	bool line;  /* a line has ended: a blank goes on with it */
};

/* The next bytes of a trailer. */
void altsvc_hide_trailer(struct altsvc_trailer *t, uint8_t *data, size_t len) SL_NONNULL(1);
