/* SPDX-License-Identifier: Apache-2.0 */
/* A desk with objects that are settings: put as they are, and documents made of them. */
#pragma once

#include "tests/unit/smsd/object/desk.h"

#include "smsd/object/document.h"

#define FILES "/var/lib/sluice/sms/files"

/* A new object, its body in JSON; its id. */
int64_t put(struct desk *d, enum object_kind kind, const char *name, const char *body);

/* A new body for one that is there, and what document_check_tx says of it then; undone unless it is
 * right. `ret_notices` may be NULL. */
int change(struct desk *d, enum object_kind kind, const char *name, const char *body,
           json_t **ret_notices);

/* The same of a new one. */
int create(struct desk *d, enum object_kind kind, const char *name, const char *body,
           json_t **ret_notices);

/* A device of the table with these settings. */
void add_device(struct desk *d, const char *name, const char *settings);

/* The only device of the table may fetch these bytes. */
void send_file(struct desk *d, const uint8_t sha256[BLOB_DIGEST], uint64_t size);

/* The document for `settings`, which are JSON; the code. */
int make(struct desk *d, const char *settings, struct document *ret_document);

/* It says that at that place, and is forgotten; fails the test otherwise. */
void told(struct desk *d, int rc, int code, const char *pointer, const char *text);

/* Certificates "shop" and "sign" with the CA certificates of their chains. */
void put_certificates(struct desk *d);

/* A whole configuration on the segment "wan": proxies of both kinds, a trust store, a policy, an
 * action set, a profile, a virtual segment, a file of rules. */
void put_configuration(struct desk *d);

extern const char wan_settings[];
